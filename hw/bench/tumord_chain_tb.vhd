-- tumord_chain against the C twins, one behind the other: see tumord_driver. Of several organs one
-- is compared; the others have other windows, and must not be seen.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;
use work.tumord_bench.all;

entity tumord_chain_tb is
  generic (vectors_g : string; seed_g : positive := 1; lanes_g : positive := 1;
           windows_g : positive := 1; look_g : natural := 0; size_g : positive := 3;
           otsu_g : natural := 0; stage_g : boolean := false; fifo_g : natural := 0;
           cover_g : boolean := true; fault_g : natural := 0);
end entity;

architecture bench of tumord_chain_tb is
  -- For the Otsu of the slice before; of other organs, too, that are not looked at.
  constant latency_c : positive := 14 + 3 * (size_g - 1) + boolean'pos(stage_g)
                                   + 2 * minimum(fifo_g, 1);
  constant pause_c : natural := 400000 * minimum(otsu_g, 1);
  signal clk, rst                 : std_logic;
  signal values                   : integers_t(0 to 15) := (others => 0);
  signal columns, rows            : count_t := to_unsigned(1, count_t'length);
  signal source, sink             : streams_t(0 to lanes_g - 1) := (others => stream_idle_c);
  signal source_ready, sink_ready : std_logic;
  signal exact                    : std_logic_vector(windows_g - 1 downto 0);
  signal center, width            : std_logic_vector(24 * windows_g - 1 downto 0);
  signal choice                   : std_logic_vector(3 * windows_g - 1 downto 0);
  signal low, high                : std_logic_vector(8 * windows_g - 1 downto 0);
  signal in_data                  : std_logic_vector(24 * lanes_g - 1 downto 0);
  signal out_data                 : std_logic_vector(windows_g * lanes_g - 1 downto 0);
  signal in_keep, out_keep        : std_logic_vector(lanes_g - 1 downto 0);
  signal in_user                  : std_logic_vector(lanes_g downto 0);
  signal in_last, out_last, out_user, out_valid : std_logic;
begin
  driver : entity work.tumord_driver
    generic map (name_g => "chain of " & to_string(windows_g) & " organs", vectors_g => vectors_g,
                 seed_g => seed_g, lanes_g => lanes_g, latency_g => latency_c,
                 lines_g => size_g - 1, alone_g => otsu_g > 0, pause_g => pause_c, cover_g => cover_g,
                 fault_g => fault_g)
    port map (clk, rst, values, columns, rows, source, source_ready, sink, sink_ready);

  organs : process (all) is
    variable other : natural;
  begin
    for n in 0 to windows_g - 1 loop
      other := 0;
      if n /= look_g then
        other := n + 1;
      end if;
      exact(n) <= to_std(values(0) = 1) xor to_std(other > 0);
      center(24 * n + 23 downto 24 * n) <= std_logic_vector(to_signed(values(1) + 40 * other, 24));
      width(24 * n + 23 downto 24 * n)  <= std_logic_vector(to_unsigned(values(2) + 99 * other, 24));
      choice(3 * n + 2 downto 3 * n)    <= std_logic_vector(to_unsigned(values(3), 3));
      low(8 * n + 7 downto 8 * n)  <= std_logic_vector(to_unsigned((values(4) + 9 * other) mod 256, 8));
      high(8 * n + 7 downto 8 * n) <= std_logic_vector(to_unsigned((values(5) + 7 * other) mod 256, 8));
    end loop;
  end process;

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
      sink(lane).data(0) <= out_data(look_g * lanes_g + lane);
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
    generic map (lanes_g => lanes_g, windows_g => windows_g, size_g => size_g, otsu_g => otsu_g,
                 stage_g => stage_g, fifo_g => fifo_g)
    port map (clk => clk, rst => rst, exact => exact, center => center, width => width,
              choice => choice, low => low, high => high,
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
