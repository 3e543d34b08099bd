-- PS3.3 C.11.2.1.2.1 (LINEAR) and C.11.2.1.3.2 (LINEAR_EXACT): the standard's exact rational,
-- rounded half up, by a pipelined division. bits_g + 5 clocks of latency, one voxel a clock.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;

entity tumord_window is
  generic (bits_g : positive := 8);       -- out: 8 or 12
  port (clk, rst     : in  std_logic;     -- rst: synchronous, active high
        config       : in  window_t;      -- stays while a slice is inside
        source       : in  stream_t;      -- data: sixteenths
        source_ready : out std_logic;
        sink         : out stream_t;      -- data: 0 to 2 ** bits_g - 1; padding is 0
        sink_ready   : in  std_logic);
end entity;

architecture rtl of tumord_window is
  constant latency_c : positive := bits_g + 5;
  constant span_bits_c : positive := data_bits_c;
  subtype span_t is unsigned(span_bits_c - 1 downto 0);
  subtype wide_t is signed(span_bits_c + 3 downto 0);
  -- Above, the rest of the division so far; below, what is left of the numerator; from the
  -- right the quotient moves in.
  subtype rest_t is unsigned(span_bits_c + bits_g downto 0);
  type rests_t is array (natural range <>) of rest_t;
  type marks_t is array (natural range <>) of std_logic_vector(1 downto 0);
  constant inside_c : std_logic_vector(1 downto 0) := "00";
  constant above_c  : std_logic_vector(1 downto 0) := "01";
  constant below_c  : std_logic_vector(1 downto 0) := "10";

  signal pipe    : streams_t(1 to latency_c) := (others => stream_idle_c);
  signal mark    : marks_t(2 to latency_c - 1);
  signal span    : span_t;                -- w - 1, or w
  signal twice   : wide_t;                -- 2 (x - c')
  signal over    : unsigned(span_bits_c downto 0);     -- twice + span, 0 to 2 span
  signal scaled  : rest_t;
  signal rest    : rests_t(4 to 4 + bits_g);
  signal advance : std_logic;

  function span_of(config : window_t) return span_t is
  begin
    if config.exact then
      return maximum(config.width, to_unsigned(1, span_bits_c));
    end if;
    return maximum(config.width, to_unsigned(sixteenths_c, span_bits_c)) - sixteenths_c;
  end function;

  function twice_of(value : data_t; config : window_t) return wide_t is
    constant distance : wide_t := resize(value, wide_t'length) - config.center;
  begin
    if config.exact then
      return shift_left(distance, 1);
    end if;
    return shift_left(distance, 1) + sixteenths_c;
  end function;

  -- One bit of the quotient: the rest, doubled, is less than twice the divisor.
  function divide(rest : rest_t; divisor : unsigned) return rest_t is
    variable high : unsigned(span_bits_c + 1 downto 0);
    variable bit  : std_logic := '0';
  begin
    high := rest(rest'high downto bits_g - 1);
    if high >= divisor then
      high := high - divisor;
      bit  := '1';
    end if;
    return high(span_bits_c downto 0) & rest(bits_g - 2 downto 0) & bit;
  end function;
begin
  advance      <= sink_ready or not pipe(latency_c).valid;
  source_ready <= advance;
  sink         <= pipe(latency_c);

  process (clk) is
    variable signed_span, sum : wide_t;
  begin
    if rising_edge(clk) then
      span <= span_of(config);
      signed_span := signed(resize(span, wide_t'length));
      if advance then
        pipe  <= source & pipe(1 to latency_c - 1);
        twice <= twice_of(source.data, config);

        if pipe(1).pad = '1' or twice <= -signed_span then
          mark(2) <= below_c;
        elsif twice > signed_span then
          mark(2) <= above_c;
        else
          mark(2) <= inside_c;
        end if;
        mark(3 to mark'high) <= mark(2 to mark'high - 1);

        sum     := twice + signed_span;
        over    <= unsigned(sum(over'range));
        scaled  <= shift_left(resize(over, rest_t'length), bits_g) - over;
        rest(4) <= scaled + span;
        for stage in 5 to rest'high loop
          rest(stage) <= divide(rest(stage - 1), span & '0');
        end loop;

        -- Not a case: ghdl 2.0 forgets its `others` when it writes Verilog.
        if mark(mark'high) = below_c then
          pipe(latency_c).data <= (others => '0');
        elsif mark(mark'high) = above_c then
          pipe(latency_c).data <= to_signed(2 ** bits_g - 1, data_bits_c);
        else
          pipe(latency_c).data <=
            signed(resize(rest(rest'high)(bits_g - 1 downto 0), data_bits_c));
        end if;
      end if;
      if rst then
        for stage in pipe'range loop
          pipe(stage).valid <= '0';
        end loop;
      end if;
    end if;
  end process;
end architecture;
