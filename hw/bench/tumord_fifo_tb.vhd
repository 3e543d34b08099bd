-- tumord_fifo: beats go in as words, and come out as they were. See tumord_driver.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;
use work.tumord_bench.all;

entity tumord_fifo_tb is
  generic (vectors_g : string; seed_g : positive := 1; cover_g : boolean := true;
           lanes_g : positive := 1;
           fault_g : natural := 0);
end entity;

architecture bench of tumord_fifo_tb is
  constant bits_c : positive := data_bits_c + 4;           -- of a lane
  constant log_c  : positive := 3;
  signal clk, rst                 : std_logic;
  signal values                   : integers_t(0 to 15) := (others => 0);
  signal columns, rows            : count_t := to_unsigned(1, count_t'length);
  signal source, sink             : streams_t(0 to lanes_g - 1);
  signal source_ready, sink_ready, valid : std_logic;
  signal given, taken             : std_logic_vector(lanes_g * bits_c - 1 downto 0);
  signal level                    : unsigned(log_c downto 0);
begin
  driver : entity work.tumord_driver
    generic map (name_g => "fifo", vectors_g => vectors_g, seed_g => seed_g,
                 lanes_g => lanes_g, latency_g => 2, cover_g => cover_g,
                 fault_g => fault_g)
    port map (clk, rst, values, columns, rows, source, source_ready, sink, sink_ready);

  words : process (all) is
    variable word : std_logic_vector(bits_c - 1 downto 0);
  begin
    for lane in source'range loop
      given((lane + 1) * bits_c - 1 downto lane * bits_c) <=
        std_logic_vector(source(lane).data) & source(lane).pad & source(lane).last
        & source(lane).user & source(lane).valid;
      word := taken((lane + 1) * bits_c - 1 downto lane * bits_c);
      sink(lane) <= (data => signed(word(bits_c - 1 downto 4)), pad => word(3), last => word(2),
                     user => word(1), valid => word(0) and valid);
      if not valid then
        sink(lane).valid <= '0';
      end if;
    end loop;
  end process;

  entity_under_test : entity work.tumord_fifo
    generic map (width_g => lanes_g * bits_c, log_g => log_c)
    port map (clk => clk, rst => rst, source => given, source_valid => source(0).valid,
              source_ready => source_ready, sink => taken, sink_valid => valid,
              sink_ready => sink_ready, level => level, look => open);

  -- It must have been empty and full: the sink blocks for long enough.
  levels : process (clk) is
    variable fulls : natural := 0;
  begin
    if rising_edge(clk) and rst = '0' then
      assert level <= 2 ** log_c report "fifo: more than it holds" severity failure;
      if level = 2 ** log_c then
        if fulls = 0 then
          report_line("fifo: it was full");
        end if;
        fulls := fulls + 1;
      end if;
    end if;
  end process;
end architecture;
