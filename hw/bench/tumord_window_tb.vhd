-- tumord_window against the C twin: see tumord_driver. A line c of four values has 1 as its last
-- when SIGMOID is asked for; its table comes first, in lines t.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;
use work.tumord_bench.all;

entity tumord_window_tb is
  generic (vectors_g : string; seed_g : positive := 1; cover_g : boolean := true;
           lanes_g : positive := 1;
           fault_g : natural := 0; bits_g : positive := 8; sigmoid_g : boolean := false);
end entity;

architecture bench of tumord_window_tb is
  signal clk, rst                 : std_logic;
  signal values                   : integers_t(0 to 15) := (others => 0);
  signal config                   : window_t;
  signal table                    : table_t;
  signal columns, rows            : count_t := to_unsigned(1, count_t'length);
  signal source, sink             : streams_t(0 to lanes_g - 1);
  signal source_ready, sink_ready : std_logic;
begin
  config <= (exact => to_std(values(0) = 1), center => to_signed(values(1), data_bits_c),
             width => to_unsigned(values(2), data_bits_c), sigmoid => to_std(values(3) = 1));

  driver : entity work.tumord_driver
    generic map (name_g => "window " & to_string(bits_g) & " bit", vectors_g => vectors_g,
                 seed_g => seed_g, lanes_g => lanes_g, latency_g => bits_g + 5, cover_g => cover_g,
                 fault_g => fault_g)
    port map (clk => clk, rst => rst, config => values, columns => columns, rows => rows,
              source => source, source_ready => source_ready, sink => sink,
              sink_ready => sink_ready, table => table);

  entity_under_test : entity work.tumord_window
    generic map (bits_g => bits_g, lanes_g => lanes_g, sigmoid_g => sigmoid_g)
    port map (clk => clk, rst => rst, config => config, table => table, source => source,
              source_ready => source_ready, sink => sink, sink_ready => sink_ready);
end architecture;
