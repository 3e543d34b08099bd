-- tumord_histogram, tumord_otsu and tumord_otsu3 against the C twin: the voxels must pass as they are,
-- the bins equal what the bench counts itself, and each slice end with the thresholds of the line c.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;
use work.tumord_bench.all;

entity tumord_otsu_tb is
  generic (vectors_g : string; seed_g : positive := 1; cover_g : boolean := true;
           lanes_g : positive := 1;
           three_g : boolean := true;
           fault_g : natural := 0);
end entity;

architecture bench of tumord_otsu_tb is
  signal clk, rst                 : std_logic;
  signal values                   : integers_t(0 to 15) := (others => 0);
  signal columns, rows            : count_t := to_unsigned(1, count_t'length);
  signal source, sink             : streams_t(0 to lanes_g - 1);
  signal broken                   : std_logic;
  signal source_ready, sink_ready : std_logic;
  signal bin, bin_2, bin_3        : bin_t;
  signal bin_ready, ready_2, ready_3 : std_logic;
  signal busy, busy_histogram, busy_2, busy_3, done, done_3, found, found_3 : std_logic;
  signal threshold, low, high     : unsigned(7 downto 0);
begin
  busy <= busy_histogram or busy_2 or busy_3;

  driver : entity work.tumord_driver
    generic map (name_g => "otsu", vectors_g => vectors_g, seed_g => seed_g,
                 lanes_g => lanes_g, latency_g => 0, cover_g => cover_g,
                 fault_g => fault_g)
    port map (clk, rst, values, columns, rows, source, source_ready, sink, sink_ready, busy,
              broken);

  histogram : entity work.tumord_histogram
    generic map (lanes_g => lanes_g)
    port map (clk => clk, rst => rst, rows => rows, source => source,
              source_ready => source_ready, sink => sink, sink_ready => sink_ready,
              bin => bin, bin_ready => bin_ready, busy => busy_histogram);

  -- Both take a bin in the same clock.
  bin_ready <= ready_2 and ready_3;
  both : process (all) is
  begin
    bin_2 <= bin;
    bin_2.valid <= bin.valid and ready_3;
    bin_3 <= bin;
    bin_3.valid <= bin.valid and ready_2;
  end process;

  otsu : entity work.tumord_otsu
    port map (clk => clk, rst => rst, bin => bin_2, bin_ready => ready_2, busy => busy_2,
              done => done, found => found, threshold => threshold);

  three : if three_g generate
    otsu3 : entity work.tumord_otsu3
      port map (clk => clk, rst => rst, bin => bin_3, bin_ready => ready_3, busy => busy_3,
                done => done_3, found => found_3, low => low, high => high);
  else generate
    ready_3 <= '1';
    busy_3  <= '0';
    done_3  <= '0';
  end generate;

  check : process (clk) is
    type bins_t is array (0 to 255) of natural;
    type slices_t is array (0 to 3) of bins_t;
    variable counted : slices_t := (others => (others => 0));
    variable number, at_bin, results, results_3, line, before, grey : natural := 0;
    variable ends : std_logic;
  begin
    if rising_edge(clk) then
      if rst or broken then
        counted := (others => (others => 0));
        number := 0;  at_bin := 0;  results := 0;  results_3 := 0;  line := 0;  before := 0;
      else
        assert not is_x(busy) and not is_x(done) and not is_x(bin.valid)
          report "otsu: busy, done or valid is unknown" severity failure;
        if source(0).valid and source_ready then
          ends := '0';
          for lane in source'range loop
            if source(lane).valid = '1' and source(lane).pad = '0' then
              grey := to_integer(source(lane).data);
              counted(number mod 4)(grey) := counted(number mod 4)(grey) + 1;
            end if;
            ends := ends or (source(lane).valid and source(lane).last);
          end loop;
          if ends then
            line := line + 1;
            if line = rows then
              line := 0;
              number := number + 1;
            end if;
          end if;
        end if;
        if bin.valid and bin_ready then
          assert bin.count = counted(before mod 4)(at_bin)
            report "otsu: bin " & to_string(at_bin) & " has " & to_string(to_integer(bin.count))
                   & ", the bench counted " & to_string(counted(before mod 4)(at_bin))
            severity failure;
          assert bin.last = to_std(at_bin = 255) report "otsu: last out of place" severity failure;
          counted(before mod 4)(at_bin) := 0;
          at_bin := (at_bin + 1) mod 256;
          if at_bin = 0 then
            before := before + 1;
          end if;
        end if;
        if done then
          results := results + 1;
          assert found = to_std(values(0) = 1) and (found = '0' or threshold = values(1))
            report "otsu: the threshold is " & to_string(to_integer(threshold)) & ", found "
                   & to_string(found) & ", the C twin has " & to_string(values(1)) severity failure;
        end if;
        if done_3 then
          results_3 := results_3 + 1;
          assert found_3 = to_std(values(2) = 1)
            and (found_3 = '0' or (low = values(3) and high = values(4)))
            report "otsu: of three classes, " & to_string(to_integer(low)) & " and "
                   & to_string(to_integer(high)) & ", found " & to_string(found_3)
                   & ", the C twin has " & to_string(values(3)) & " and " & to_string(values(4))
            severity failure;
        end if;
        assert busy = '1' or line /= 0 or source(0).valid = '1' or (results = number and (results_3 = number or not three_g))
          report "otsu: " & to_string(number) & " slices, " & to_string(results) & " thresholds"
          severity failure;
      end if;
    end if;
  end process;
end architecture;
