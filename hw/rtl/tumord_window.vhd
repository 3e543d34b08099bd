-- PS3.3 C.11.2.1.2.1 (LINEAR) and C.11.2.1.3.2 (LINEAR_EXACT): the standard's exact rational,
-- rounded half up, by a pipelined division; and C.11.2.1.3.1 (SIGMOID) by a search in a table of
-- the least distance from the centre that gives each grey. bits_g + 5 clocks of latency,
-- lanes_g voxels a clock.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;

entity tumord_window is
  generic (bits_g    : positive := 8;     -- out: 8 or 12
           lanes_g   : positive := 1;     -- voxels a clock
           sigmoid_g : boolean := false); -- with the table of SIGMOID
  port (clk, rst     : in  std_logic;     -- rst: synchronous, active high
        config       : in  window_t;      -- stays while a slice is inside, and so does the table
        table        : in  table_t := table_idle_c;    -- an entry a clock, before SIGMOID is asked for
        source       : in  streams_t(0 to lanes_g - 1);   -- data: sixteenths
        source_ready : out std_logic;
        sink         : out streams_t(0 to lanes_g - 1);   -- data: 0 to 2 ** bits_g - 1; padding
        sink_ready   : in  std_logic);                    -- is 0
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
  subtype grey_t is unsigned(bits_g - 1 downto 0);
  type greys_t is array (natural range <>) of grey_t;
  type distances_t is array (natural range <>) of distance_t;

  signal span          : span_t;          -- w - 1, or w
  signal advance, full : std_logic;

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
    if config.exact or config.sigmoid then
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
  advance      <= sink_ready or not full;
  source_ready <= advance;
  full         <= sink(0).valid;

  spans : process (clk) is
  begin
    if rising_edge(clk) then
      span <= span_of(config);
    end if;
  end process;

  lanes : for lane in 0 to lanes_g - 1 generate
    signal pipe   : streams_t(1 to latency_c) := (others => stream_idle_c);
    signal mark   : marks_t(2 to latency_c - 1);
    signal twice  : wide_t;                -- 2 (x - c')
    signal over   : unsigned(span_bits_c downto 0);     -- twice + span, 0 to 2 span
    signal scaled : rest_t;
    signal rest   : rests_t(4 to 4 + bits_g);
    signal curve  : grey_t := (others => '0');          -- SIGMOID's, beside the last of `rest`
  begin
    sink(lane) <= pipe(latency_c);

    process (clk) is
      variable signed_span, sum : wide_t;
    begin
      if rising_edge(clk) then
        signed_span := signed(resize(span, wide_t'length));
        if advance then
          pipe  <= source(lane) & pipe(1 to latency_c - 1);
          twice <= twice_of(source(lane).data, config);

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
          if sigmoid_g and config.sigmoid = '1' then
            pipe(latency_c).data <= (others => '0');
            if pipe(latency_c - 1).pad = '0' then
              pipe(latency_c).data <= signed(resize(curve, data_bits_c));
            end if;
          elsif mark(mark'high) = below_c then
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

    -- A bit of the grey a stage, from the top: is the least distance reached that gives this bit
    -- with zeros behind it? Level n of the search has 2 ** n of those distances.
    search : if sigmoid_g generate
      constant delay_c : positive := 3;    -- the division begins later
      signal distance : distances_t(0 to bits_g - 1);
      signal least    : distances_t(0 to bits_g - 1);
      signal prefix   : greys_t(1 to bits_g + delay_c);
      signal step     : greys_t(1 to bits_g);
    begin
      curve <= prefix(bits_g + delay_c);

      process (clk) is
      begin
        if rising_edge(clk) then
          if advance then
            distance <= resize(source(lane).data, data_bits_c + 2) - config.center
                        & distance(0 to bits_g - 2);
            for level in 1 to bits_g loop
              prefix(level) <= step(level);
            end loop;
            prefix(bits_g + 1 to bits_g + delay_c) <= prefix(bits_g to bits_g + delay_c - 1);
          end if;
        end if;
      end process;

      levels : for level in 0 to bits_g - 1 generate
        constant below_c : natural := bits_g - 1 - level;      -- bits behind this one
        type words_t is array (0 to 2 ** level - 1) of distance_t;
        signal words : words_t;
        signal mine  : std_logic;
      begin
        mine <= table.write and table.grey(below_c)
                and to_std(shift_left(table.grey, 12 - below_c) = 0);

        first : if level = 0 generate
          step(1) <= (0 => to_std(distance(0) >= least(0)), others => '0');

          process (clk) is
          begin
            if rising_edge(clk) then
              if mine then
                least(0) <= table.least;
              end if;
            end if;
          end process;
        end generate;
        behind : if level > 0 generate
          step(level + 1) <= prefix(level)(bits_g - 2 downto 0)
                             & to_std(distance(level) >= least(level));

          process (clk) is
          begin
            if rising_edge(clk) then
              if advance then
                least(level) <= words(to_integer(step(level)(level - 1 downto 0)));
              end if;
              if mine then
                words(to_integer(table.grey(bits_g - 1 downto below_c + 1))) <= table.least;
              end if;
            end if;
          end process;
        end generate;
      end generate;
    end generate;
  end generate;
end architecture;
