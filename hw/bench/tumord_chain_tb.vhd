-- tumord_chain against the C twins, one behind the other: see tumord_driver.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;
use work.tumord_bench.all;

entity tumord_chain_tb is
  generic (vectors_g : string; seed_g : positive := 1; fault_g : natural := 0);
end entity;

architecture bench of tumord_chain_tb is
  signal clk, rst                 : std_logic;
  signal values                   : integers_t(0 to 15) := (others => 0);
  signal columns, rows            : count_t := to_unsigned(1, count_t'length);
  signal source, sink             : stream_t := stream_idle_c;
  signal source_ready, sink_ready : std_logic;
  signal band                     : std_logic;
begin
  driver : entity work.tumord_driver
    generic map (name_g => "chain", vectors_g => vectors_g, seed_g => seed_g,
                 latency_g => 20, lines_g => 2, fault_g => fault_g)
    port map (clk, rst, values, columns, rows, source, source_ready, sink, sink_ready);

  band <= to_std(values(3) = 1);

  entity_under_test : entity work.tumord_chain
    port map (clk => clk, rst => rst, exact => to_std(values(0) = 1),
              center => std_logic_vector(to_signed(values(1), 24)),
              width => std_logic_vector(to_unsigned(values(2), 24)), band => band,
              low => std_logic_vector(to_unsigned(values(4), 8)),
              high => std_logic_vector(to_unsigned(values(5), 8)),
              first => std_logic_vector(to_unsigned(values(6) / 10, 2)),
              second => std_logic_vector(to_unsigned(values(6) mod 10, 2)),
              cross => to_std(values(7) = 1),
              columns => std_logic_vector(columns), rows => std_logic_vector(rows),
              s_axis_tdata => std_logic_vector(source.data),
              s_axis_tuser => source.pad & source.user, s_axis_tlast => source.last,
              s_axis_tvalid => source.valid, s_axis_tready => source_ready,
              m_axis_tdata => sink.data(0), m_axis_tuser => sink.user,
              m_axis_tlast => sink.last, m_axis_tvalid => sink.valid,
              m_axis_tready => sink_ready);
end architecture;
