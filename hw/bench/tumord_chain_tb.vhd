-- tumord_chain against the C twins, one behind the other: see tumord_driver.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;
use work.tumord_bench.all;

entity tumord_chain_tb is
  generic (vectors_g : string; seed_g : positive := 1; lanes_g : positive := 1;
           fault_g : natural := 0);
end entity;

architecture bench of tumord_chain_tb is
  signal clk, rst                 : std_logic;
  signal values                   : integers_t(0 to 15) := (others => 0);
  signal columns, rows            : count_t := to_unsigned(1, count_t'length);
  signal source, sink             : streams_t(0 to lanes_g - 1) := (others => stream_idle_c);
  signal source_ready, sink_ready : std_logic;
  signal band                     : std_logic;
  signal in_data                  : std_logic_vector(24 * lanes_g - 1 downto 0);
  signal in_keep, out_data, out_keep : std_logic_vector(lanes_g - 1 downto 0);
  signal in_user                  : std_logic_vector(lanes_g downto 0);
  signal in_last, out_last, out_user, out_valid : std_logic;
begin
  driver : entity work.tumord_driver
    generic map (name_g => "chain", vectors_g => vectors_g, seed_g => seed_g,
                 lanes_g => lanes_g, latency_g => 20, lines_g => 2, fault_g => fault_g)
    port map (clk, rst, values, columns, rows, source, source_ready, sink, sink_ready);

  band <= to_std(values(3) = 1);

  -- AXI4-Stream has one last for a beat.
  flat : process (all) is
    variable last : std_logic;
  begin
    last := '0';
    for lane in 0 to lanes_g - 1 loop
      in_data(24 * lane + 23 downto 24 * lane) <= std_logic_vector(source(lane).data);
      in_keep(lane)     <= source(lane).valid;
      in_user(lane + 1) <= source(lane).pad;
      last := last or (source(lane).valid and source(lane).last);
      sink(lane)         <= stream_idle_c;
      sink(lane).valid   <= out_valid and out_keep(lane);
      sink(lane).data(0) <= out_data(lane);
      sink(lane).user    <= out_user and to_std(lane = 0);
      sink(lane).last    <= out_last;
      if lane < lanes_g - 1 then
        sink(lane).last <= out_last and not out_keep(minimum(lane + 1, lanes_g - 1));
      end if;
    end loop;
    in_last    <= last;
    in_user(0) <= source(0).user;
  end process;

  entity_under_test : entity work.tumord_chain
    generic map (lanes_g => lanes_g)
    port map (clk => clk, rst => rst, exact => to_std(values(0) = 1),
              center => std_logic_vector(to_signed(values(1), 24)),
              width => std_logic_vector(to_unsigned(values(2), 24)), band => band,
              low => std_logic_vector(to_unsigned(values(4), 8)),
              high => std_logic_vector(to_unsigned(values(5), 8)),
              first => std_logic_vector(to_unsigned(values(6) / 10, 2)),
              second => std_logic_vector(to_unsigned(values(6) mod 10, 2)),
              cross => to_std(values(7) = 1),
              columns => std_logic_vector(columns), rows => std_logic_vector(rows),
              s_axis_tdata => in_data, s_axis_tkeep => in_keep, s_axis_tuser => in_user,
              s_axis_tlast => in_last, s_axis_tvalid => source(0).valid,
              s_axis_tready => source_ready,
              m_axis_tdata => out_data, m_axis_tkeep => out_keep, m_axis_tuser => out_user,
              m_axis_tlast => out_last, m_axis_tvalid => out_valid,
              m_axis_tready => sink_ready);
end architecture;
