-- tumord_components against the C twin: the mask passes as it is, and each slice ends with the
-- components that the table beside the vectors has from the place in the line c.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use std.textio.all;
use work.tumord.all;
use work.tumord_bench.all;

entity tumord_components_tb is
  generic (vectors_g : string; seed_g : positive := 1; cover_g : boolean := true;
           fault_g : natural := 0;
           labels_g  : positive := 255; corners_g : boolean := true);
end entity;

architecture bench of tumord_components_tb is
  signal clk, rst                 : std_logic;
  signal values                   : integers_t(0 to 15) := (others => 0);
  signal columns, rows            : count_t := to_unsigned(1, count_t'length);
  signal source, sink             : streams_t(0 to 0);
  signal broken                   : std_logic;
  signal source_ready, sink_ready, known, done, ending : std_logic;
  signal busy                     : std_logic := '0';
  signal part                     : component_t;
  signal count                    : unsigned(7 downto 0);
  signal lost                     : total_t;
begin
  driver : entity work.tumord_driver
    generic map (name_g => "components", vectors_g => vectors_g, seed_g => seed_g,
                 latency_g => 0, cover_g => cover_g,
                 fault_g => fault_g)
    port map (clk, rst, values, columns, rows, source, source_ready, sink, sink_ready, busy,
              broken);

  entity_under_test : entity work.tumord_components
    generic map (labels_g => labels_g, corners_g => corners_g)
    port map (clk => clk, rst => rst, columns => columns, rows => rows, source => source(0),
              source_ready => source_ready, sink => sink(0), sink_ready => sink_ready,
              known => known, part => part, done => done, count => count, lost => lost,
              busy => ending);

  check : process (clk) is
    type parts_t is array (0 to 65535) of integers_t(0 to 4);
    function text_of(values : integers_t(0 to 4)) return string is
    begin
      return " " & to_string(values(0)) & " in columns " & to_string(values(1)) & " to "
             & to_string(values(2)) & ", rows " & to_string(values(3)) & " to "
             & to_string(values(4));
    end function;

    function text_of(part : component_t) return string is
    begin
      return text_of(integers_t'(to_integer(part.area), to_integer(part.column_low),
                                 to_integer(part.column_high), to_integer(part.row_low),
                                 to_integer(part.row_high)));
    end function;

    file table       : text;
    variable parts     : parts_t;
    variable read_it   : boolean := false;
    variable text      : line;
    variable slices, results, row, told, at, clocks : natural := 0;
    variable overflown : boolean := false;
  begin
    if not read_it then
      read_it := true;
      file_open(table, vectors_g & ".table", read_mode);
      while not endfile(table) loop
        readline(table, text);
        for value in 0 to 4 loop
          read(text, parts(at)(value));
        end loop;
        at := at + 1;
      end loop;
    end if;
    if rising_edge(clk) then
      if rst or broken then
        slices := 0;  results := 0;  row := 0;  told := 0;  busy <= '0';
      else
        if ending = '1' and slices /= results then
          clocks := clocks + 1;
        end if;
        if known then
          told := told + 1;
          at := values(2) + values(0) - told;      -- the last comes first
          assert told <= values(0)
            report "components: one more than the C twin has" severity failure;
          assert part.area = parts(at)(0) and part.column_low = parts(at)(1)
            and part.column_high = parts(at)(2) and part.row_low = parts(at)(3)
            and part.row_high = parts(at)(4)
            report "components: number " & to_string(values(0) - told) & " is" & text_of(part)
                   & ", the C twin's" & text_of(parts(at)) severity failure;
        end if;
        if done then
          results := results + 1;
          assert count = values(0) and told = values(0) and lost = values(1)
            report "components: " & to_string(told) & ", and " & to_string(to_integer(lost))
                   & " voxels lost; the C twin has " & to_string(values(0)) & " and "
                   & to_string(values(1)) severity failure;
          if lost /= 0 and not overflown then
            overflown := true;
            report_line("components: a table of " & to_string(labels_g) & " names overflows: "
                        & to_string(to_integer(lost)) & " voxels are told as lost");
          end if;
          told := 0;  clocks := 0;
        end if;
        if source(0).valid and source_ready and source(0).last then
          row := row + 1;
          if row = rows then
            row := 0;
            slices := slices + 1;
          end if;
        end if;
        assert slices - results <= 1 report "components: a slice without a result" severity failure;
        busy <= to_std(slices /= results);
        if slices /= results or done = '1' then
          assert clocks <= 4 * labels_g + 10
            report "components: the pause is longer than it may be" severity failure;
        end if;
      end if;
    end if;
  end process;
end architecture;
