-- Stored values to sixteenths: value * slope + intercept, rounded half up, saturating.
-- Four clocks of latency, lanes_g voxels a clock.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;

entity tumord_rescale is
  generic (lanes_g : positive := 1);      -- voxels a clock
  port (clk, rst     : in  std_logic;     -- rst: synchronous, active high
        config       : in  rescale_t;     -- stays while a slice is inside
        source       : in  streams_t(0 to lanes_g - 1);   -- data: the stored value in its low 16 bits
        source_ready : out std_logic;
        sink         : out streams_t(0 to lanes_g - 1);
        sink_ready   : in  std_logic);
end entity;

architecture rtl of tumord_rescale is
  constant shift_c : positive := 12;      -- from 65536ths to sixteenths
  subtype stored_t is signed(16 downto 0);
  subtype wide_t is signed(49 downto 0);
  signal advance, full : std_logic;

  -- The bits above those stored repeat the sign, or are zero.
  function extend(raw : data_t; config : rescale_t) return stored_t is
    variable value : stored_t := (others => '0');
    variable sign  : std_logic := '0';
  begin
    for bit in 0 to 15 loop
      if bit < config.bits then
        value(bit) := raw(bit);
        sign := raw(bit) and config.is_signed;     -- the last one counts
      end if;
    end loop;
    for bit in 8 to 16 loop
      if bit >= config.bits then
        value(bit) := sign;
      end if;
    end loop;
    return value;
  end function;

  function saturate(value : wide_t) return data_t is
    constant high : signed(value'high downto data_bits_c - 1) :=
      value(value'high downto data_bits_c - 1);
  begin
    if high = 0 or high = -1 then
      return value(data_bits_c - 1 downto 0);
    elsif value(value'high) = '1' then
      return (data_bits_c - 1 => '1', data_bits_c - 2 downto 0 => '0');
    end if;
    return (data_bits_c - 1 => '0', data_bits_c - 2 downto 0 => '1');
  end function;
begin
  advance      <= sink_ready or not full;
  source_ready <= advance;
  full         <= sink(0).valid;

  lanes : for lane in 0 to lanes_g - 1 generate
    signal pipe    : streams_t(1 to 4) := (others => stream_idle_c);
    signal stored  : stored_t;
    signal product : wide_t;
    signal sum     : wide_t;
  begin
    sink(lane) <= pipe(4);

    process (clk) is
    begin
      if rising_edge(clk) then
        if advance then
          pipe    <= source(lane) & pipe(1 to 3);
          stored  <= extend(source(lane).data, config);
          product <= resize(stored * config.slope, wide_t'length);
          pipe(2).pad <= config.padding and to_std(stored >= config.pad_low)
                         and to_std(stored <= config.pad_high);
          sum     <= product + config.intercept + 2 ** (shift_c - 1);
          pipe(4).data <= saturate(shift_right(sum, shift_c));
        end if;
        if rst then
          for stage in pipe'range loop
            pipe(stage).valid <= '0';
          end loop;
        end if;
      end if;
    end process;
  end generate;
end architecture;
