-- tumord_statistics against the C twin: the voxels pass as they are, and each slice ends with the
-- result of the line c.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;
use work.tumord_bench.all;

entity tumord_statistics_tb is
  generic (vectors_g : string; seed_g : positive := 1; cover_g : boolean := true;
           lanes_g : positive := 1;
           fault_g : natural := 0);
end entity;

architecture bench of tumord_statistics_tb is
  signal clk, rst                 : std_logic;
  signal values                   : integers_t(0 to 15) := (others => 0);
  signal config                   : threshold_t;
  signal columns, rows            : count_t := to_unsigned(1, count_t'length);
  signal source, sink             : streams_t(0 to lanes_g - 1);
  signal broken                   : std_logic;
  signal source_ready, sink_ready, done : std_logic;
  signal busy                     : std_logic := '0';
  signal result                   : statistics_t;
begin
  config <= (band => to_std(values(0) = 1), low => to_signed(values(1), data_bits_c),
             high => to_signed(values(2), data_bits_c));

  driver : entity work.tumord_driver
    generic map (name_g => "statistics", vectors_g => vectors_g, seed_g => seed_g,
                 lanes_g => lanes_g, latency_g => 0, cover_g => cover_g,
                 fault_g => fault_g)
    port map (clk, rst, values, columns, rows, source, source_ready, sink, sink_ready, busy,
              broken);

  entity_under_test : entity work.tumord_statistics
    generic map (lanes_g => lanes_g)
    port map (clk => clk, rst => rst, config => config, rows => rows, source => source,
              source_ready => source_ready, sink => sink, sink_ready => sink_ready,
              done => done, result => result);

  check : process (clk) is
    variable slices, results, line : natural := 0;
    variable ends : std_logic;
  begin
    if rising_edge(clk) then
      if rst or broken then
        slices := 0;  results := 0;  line := 0;  busy <= '0';
      else
        if done then
          results := results + 1;
          assert result.area = values(3) and result.sum = values(4)
            and result.squares = shift_left(to_unsigned(values(5), 44), 20) + values(6)
            report "statistics: area " & to_string(to_integer(result.area)) & ", sum "
                   & to_string(to_integer(result.sum)) & " or the squares, the C twin has "
                   & to_string(values(3)) & " and " & to_string(values(4)) severity failure;
          assert result.area = 0 or (result.column_low = values(7)
            and result.column_high = values(8) and result.row_low = values(9)
            and result.row_high = values(10))
            report "statistics: the box differs from the C twin's" severity failure;
        end if;
        ends := '0';
        for lane in source'range loop
          ends := ends or (source(lane).valid and source(lane).last);
        end loop;
        if source(0).valid and source_ready and ends then
          line := line + 1;
          if line = rows then
            line := 0;
            slices := slices + 1;
          end if;
        end if;
        assert slices - results <= 5 report "statistics: a slice without a result" severity failure;
        busy <= to_std(slices /= results);
      end if;
    end if;
  end process;
end architecture;
