-- tumord_morphology against the C twin: see tumord_driver.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;
use work.tumord_bench.all;

entity tumord_morphology_tb is
  generic (vectors_g : string; seed_g : positive := 1; cover_g : boolean := true;
           lanes_g : positive := 1;
           size_g : positive := 3;
           fault_g : natural := 0);
end entity;

architecture bench of tumord_morphology_tb is
  signal clk, rst                 : std_logic;
  signal values                   : integers_t(0 to 15) := (others => 0);
  signal config                   : morphology_t;
  signal columns, rows            : count_t := to_unsigned(1, count_t'length);
  signal source, sink             : streams_t(0 to lanes_g - 1);
  signal source_ready, sink_ready : std_logic;
begin
  config <= (first => std_logic_vector(to_unsigned(values(0), 2)),
             second => std_logic_vector(to_unsigned(values(1), 2)),
             cross => to_std(values(2) = 1), columns => columns, rows => rows);

  driver : entity work.tumord_driver
    generic map (name_g => "morphology " & to_string(size_g) & " x " & to_string(size_g), vectors_g => vectors_g, seed_g => seed_g,
                 lanes_g => lanes_g, latency_g => 3 * (size_g - 1), lines_g => size_g - 1, cover_g => cover_g,
                 fault_g => fault_g)
    port map (clk, rst, values, columns, rows, source, source_ready, sink, sink_ready);

  entity_under_test : entity work.tumord_morphology
    generic map (size_g => size_g, lanes_g => lanes_g)
    port map (clk => clk, rst => rst, config => config, source => source,
              source_ready => source_ready, sink => sink, sink_ready => sink_ready);
end architecture;
