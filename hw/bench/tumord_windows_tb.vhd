-- tumord_windows against the C twin, one of its windows: the others have other settings, and must
-- not be seen. See tumord_driver.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;
use work.tumord_bench.all;

entity tumord_windows_tb is
  generic (vectors_g : string; seed_g : positive := 1; cover_g : boolean := true;
           lanes_g : positive := 1;
           windows_g : positive := 4; look_g : natural := 0; sigmoid_g : boolean := false;
           fault_g : natural := 0);
end entity;

architecture bench of tumord_windows_tb is
  signal clk, rst                 : std_logic;
  signal values                   : integers_t(0 to 15) := (others => 0);
  signal config                   : windows_t(0 to windows_g - 1);
  signal table                    : table_t;
  signal tables                   : tables_t(0 to windows_g - 1);
  signal columns, rows            : count_t := to_unsigned(1, count_t'length);
  signal source, sink             : streams_t(0 to lanes_g - 1);
  signal results                  : streams_t(0 to windows_g * lanes_g - 1);
  signal source_ready, sink_ready : std_logic;
begin
  configure : process (all) is
  begin
    for n in config'range loop
      tables(n) <= table_idle_c;
      config(n) <= (exact => to_std(values(0) = 1), center => to_signed(values(1), data_bits_c),
                    width => to_unsigned(values(2), data_bits_c), sigmoid => to_std(values(3) = 1));
      if n = look_g then
        tables(n) <= table;
      else
        config(n).center <= to_signed(16 * (n + 1), data_bits_c);
        config(n).width  <= to_unsigned(1600 + n, data_bits_c);
        config(n).exact  <= to_std(values(0) = 0);
      end if;
    end loop;
  end process;
  sink <= results(look_g * lanes_g to (look_g + 1) * lanes_g - 1);

  driver : entity work.tumord_driver
    generic map (name_g => "windows, number " & to_string(look_g) & " of " & to_string(windows_g),
                 vectors_g => vectors_g, seed_g => seed_g, lanes_g => lanes_g, latency_g => 13,
                 cover_g => cover_g,
                 fault_g => fault_g)
    port map (clk => clk, rst => rst, config => values, columns => columns, rows => rows,
              source => source, source_ready => source_ready, sink => sink,
              sink_ready => sink_ready, table => table);

  entity_under_test : entity work.tumord_windows
    generic map (windows_g => windows_g, lanes_g => lanes_g, sigmoid_g => sigmoid_g)
    port map (clk => clk, rst => rst, config => config, table => tables, source => source,
              source_ready => source_ready, sink => results, sink_ready => sink_ready);
end architecture;
