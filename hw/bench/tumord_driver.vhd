-- Drives an entity from a file of vectors and compares every voxel that comes out, under
-- stalls on both sides and resets in mid-slice. Lines of the file:
--   c COUNT VALUE...   the configuration, for the entity's own bench to map
--   t FROM COUNT LEAST...  of SIGMOID's table: the least distances of that many greys
--   s COLUMNS ROWS     a slice; then for each voxel:  IN OUT PAD  (1: in is padding, 2: out)
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use ieee.math_real.all;
use std.textio.all;
use work.tumord.all;
use work.tumord_bench.all;

entity tumord_driver is
  generic (name_g, vectors_g : string;
           seed_g    : positive := 1;
           lanes_g   : positive := 1;     -- voxels a clock
           latency_g : natural;           -- clocks, and for each line buffer a line and a beat
           lines_g   : natural := 0;
           alone_g   : boolean := false;  -- each slice hangs on the one before: once, without resets
           pause_g   : natural := 0;      -- clocks for which a slice may have to wait at its beginning
           cover_g   : boolean := true;   -- everything must have come; false for a single slice
           fault_g   : natural := 0);     -- 1 to 7: spoils what comes out; the bench must fail
  port (clk, rst      : out std_logic := '0';
        config        : out integers_t(0 to 15) := (others => 0);
        columns, rows : out count_t := to_unsigned(1, count_t'length);
        source        : out streams_t(0 to lanes_g - 1) := (others => stream_idle_c);
        source_ready  : in  std_logic;
        sink          : in  streams_t(0 to lanes_g - 1);
        sink_ready    : out std_logic := '0';
        busy          : in  std_logic := '0';       -- the next slice waits for what is at work
        broken        : out std_logic := '0';       -- a slice ended midway, without a reset
        table         : out table_t := table_idle_c);
end entity;

architecture bench of tumord_driver is
  constant most_c : positive := 2 ** 20;
  type voxel_t is record
    given, wanted, pad : integer;
  end record;
  type voxels_t is array (0 to most_c - 1) of voxel_t;

  -- How the two sides stall: nobody, the source, the sink, both, the sink for long.
  type pattern_t is (flowing, thin, pressed, jerky, blocked);
  type counts_t is array (pattern_t) of natural;

  constant idle_c : streams_t(0 to lanes_g - 1) := (others => stream_idle_c);
  signal seen    : streams_t(0 to lanes_g - 1);   -- the sink, spoilt by the fault
  signal waited  : std_logic := '0';
  signal anew    : std_logic;             -- for the watches: the next voxel is a first one
  signal number  : natural := 0;          -- of voxels that were taken from the sink

  function spoil(stream : streams_t; waited : std_logic; number : natural) return streams_t is
    variable spoilt : streams_t(0 to lanes_g - 1) := stream;
    variable beyond : std_logic := to_std(number > 99);
  begin
    case fault_g is
      when 1 => spoilt(0).data(0) := stream(0).data(0) xor beyond;
      when 2 =>
        for lane in spoilt'range loop
          spoilt(lane).last := stream(lane).last and not beyond;
        end loop;
      when 3 => spoilt(0).user    := stream(0).user and not beyond;
      when 4 => spoilt(0).valid   := stream(0).valid and not beyond;
      when 5 => spoilt(0).data(0) := stream(0).data(0) xor waited;
      when 6 => spoilt(0).valid   := stream(0).valid and not waited;
      when 7 => spoilt(lanes_g - 1).valid := stream(lanes_g - 1).valid and not beyond;
      when others => null;
    end case;
    return spoilt;
  end function;
begin
  seen <= spoil(sink, waited, number);
  anew <= rst or broken;

  watch_source : entity work.tumord_watch
    generic map (name_g & " source", lanes_g)
    port map (clk, anew, columns, rows, source, source_ready);
  watch_sink : entity work.tumord_watch
    generic map (name_g & " sink", lanes_g)
    port map (clk, anew, columns, rows, seen, sink_ready);

  main : process is
    file vectors       : text open read_mode is vectors_g;
    variable voxels    : voxels_t;
    variable row_text  : line;
    variable kind      : character;
    variable seed_1    : positive := seed_g;
    variable seed_2    : positive := 4711;
    variable count, copies, given, taken, value, length : natural := 0;
    variable clock, first_in, last_in, first_out, last_out : natural := 0;
    variable reset_at  : integer;
    variable moves_in, moves_out : boolean;
    variable got       : streams_t(0 to lanes_g - 1);     -- from the sink, when it moves
    variable beats, ins, outs : natural := 0;             -- of a slice; in and out so far
    variable pattern   : pattern_t := flowing;
    variable slices, resets_of, breaks_of : counts_t := (others => 0);
    variable of_one_beat, of_whole_beats, of_a_rest, together : natural := 0;
    variable resets, breaks, compared, of_one, of_one_row, latency : natural := 0;
    variable wide, high : natural;
    variable longest_busy : natural := 0;
    -- Of the largest slice that flowed.
    variable of_largest, wide_largest, high_largest, latency_largest, clocks_largest : natural := 0;

    -- To the end of the first word.
    function space_of(name : string) return natural is
    begin
      for at in name'range loop
        if name(at) = ' ' or name(at) = ',' then
          return at - 1;
        end if;
      end loop;
      return name'right;
    end function;

    function next_of(pattern : pattern_t) return pattern_t is
    begin
      if pattern = blocked then
        return flowing;
      end if;
      return pattern_t'succ(pattern);
    end function;

    impure function chance(one_in : positive) return boolean is
      variable drawn : real;
    begin
      uniform(seed_1, seed_2, drawn);
      return drawn * real(one_in) < 1.0;
    end function;

    procedure read_slice is
    begin
      read(row_text, wide);
      read(row_text, high);
      count := wide * high;
      beats := high * ((wide + lanes_g - 1) / lanes_g);
      assert count <= most_c report name_g & ": the slice is too large" severity failure;
      columns <= to_unsigned(wide, count_t'length);
      rows    <= to_unsigned(high, count_t'length);
      for at in 0 to count - 1 loop
        readline(vectors, row_text);
        read(row_text, voxels(at).given);
        read(row_text, voxels(at).wanted);
        read(row_text, voxels(at).pad);
      end loop;
    end procedure;

    procedure read_config is
      variable values : integers_t(config'range) := (others => 0);
    begin
      read(row_text, length);
      for at in 0 to length - 1 loop
        read(row_text, values(at));
      end loop;
      config <= values;
    end procedure;

    -- What moves at the edge is known before it. The sink's valid must not hang on its ready,
    -- which is therefore turned round and back in the clock's low half, every third time.
    procedure tick is
      variable valid_before : std_logic;
    begin
      clk <= '0';
      wait for 2 ns;
      if clock mod 3 = 0 then
        valid_before := sink(0).valid;
        sink_ready <= not sink_ready;
        wait for 1 ns;
        assert sink(0).valid = valid_before
          report name_g & ": valid waits for ready" severity failure;
        sink_ready <= not sink_ready;
        wait for 1 ns;
      end if;
      moves_in  := rst = '0' and source(0).valid = '1' and source_ready = '1';
      moves_out := rst = '0' and seen(0).valid = '1' and sink_ready = '1';
      got       := seen;
      waited <= sink(0).valid and not sink_ready and not rst;
      clk <= '1';
      wait for 5 ns;
      clock := clock + 1;
    end procedure;

    procedure read_table is
      variable from, count : natural;
      variable least : integer;
    begin
      read(row_text, from);
      read(row_text, count);
      for grey in from to from + count - 1 loop
        read(row_text, least);
        table <= ('1', to_unsigned(grey, 12), to_signed(least, distance_t'length));
        tick;
      end loop;
      table <= table_idle_c;
      tick;
    end procedure;

    -- Of the beat that begins with voxel `at` of a slice.
    impure function width_of(at : natural) return positive is
    begin
      return minimum(lanes_g, wide - at mod wide);
    end function;

    procedure offer is
      constant at : natural := given mod count;
      variable blocks : boolean;
    begin
      if source(0).valid = '0' or moves_in then           -- else it waits, unchanged
        source <= idle_c;
        if given < count * copies
           and not ((pattern = thin or pattern = jerky) and chance(2)) then
          for lane in 0 to width_of(at) - 1 loop
            source(lane).valid <= '1';
            source(lane).data  <= to_signed(voxels(at + lane).given, data_bits_c);
            source(lane).pad   <= to_std(voxels(at + lane).pad mod 2 = 1);
            source(lane).user  <= to_std(at + lane = 0);
            source(lane).last  <= to_std((at + lane + 1) mod wide = 0);
          end loop;
        end if;
      end if;
      blocks := ((pattern = pressed or pattern = jerky) and chance(2))
                or (pattern = blocked and not chance(8));
      sink_ready <= to_std(not blocks);
    end procedure;

    procedure compare(got : stream_t) is
      constant wanted : voxel_t := voxels(taken mod count);
    begin
      assert taken < count * copies
        report name_g & ": a voxel too many" severity failure;
      assert got.data = wanted.wanted and got.pad = to_std(wanted.pad >= 2)
        report name_g & ": voxel " & to_string(taken mod count) & " of a slice of "
               & to_string(wide) & " x " & to_string(high) & " is "
               & to_string(to_integer(got.data)) & ", the C twin has "
               & to_string(wanted.wanted) severity failure;
      taken := taken + 1;
      compared := compared + 1;
    end procedure;

    procedure move is
      variable width : positive;
    begin
      tick;
      if moves_out then
        if outs = 0 then
          first_out := clock;
        end if;
        outs := outs + 1;
        if outs = beats then
          last_out := clock;
        end if;
        width := width_of(taken mod count);
        for lane in 0 to width - 1 loop
          compare(got(lane));
        end loop;
        number <= number + width;
      end if;
      if moves_in then
        if ins = 0 then
          first_in := clock;
        end if;
        ins := ins + 1;
        if ins = beats then
          last_in := clock;
        end if;
        given := given + width_of(given mod count);
      end if;
    end procedure;

    procedure begin_anew is
    begin
      moves_in := false;
      given    := 0;
      taken    := 0;
      ins      := 0;
      outs     := 0;
    end procedure;

    procedure reset is
    begin
      rst        <= '1';
      source     <= idle_c;
      sink_ready <= '0';
      for clocks in 0 to compared mod 3 loop
        tick;
      end loop;
      rst <= '0';
      begin_anew;
    end procedure;

    -- The rest of a slice never comes; what is on its way comes out.
    procedure break_off is
    begin
      source     <= idle_c;
      sink_ready <= '1';
      for clocks in 1 to 40 loop
        move;
      end loop;
      broken <= '1';
      tick;
      broken <= '0';
      begin_anew;
    end procedure;

    procedure measure_the_clocks is
    begin
      latency := first_out - first_in;
      if count >= of_largest then
        of_largest      := count;
        wide_largest    := wide;
        high_largest    := high;
        latency_largest := latency;
        clocks_largest  := last_out - first_in + 1;
      end if;
    end procedure;

    -- Without stalls a slice goes in without a pause, and comes out so, after the latency.
    procedure judge_the_clocks is
    begin
      assert last_in - first_in = beats - 1
        report name_g & ": the source had to wait in mid-slice" severity failure;
      assert last_out - first_out = beats - 1
        report name_g & ": a pause in mid-slice" severity failure;
      assert latency = latency_g + lines_g * (beats / high + 1)
        report name_g & ": the latency is " & to_string(latency) & " clocks for "
               & to_string(wide) & " columns" severity failure;
    end procedure;

    procedure tell_what_came is
      constant name : string := "stream of " & name_g(name_g'left to space_of(name_g));
    begin
      for each in pattern_t loop
        tell(name, "slices " & to_string(each), slices(each));
        if not alone_g then
          tell(name, "resets while " & to_string(each), resets_of(each));
        end if;
        tell(name, "breaks while " & to_string(each), breaks_of(each));
      end loop;
      tell(name, "slices of one voxel", of_one);
      tell(name, "slices of one line or column", of_one_row);
      tell(name, "lines of one beat", of_one_beat);
      tell(name, "lines of whole beats", of_whole_beats);
      if lanes_g > 1 then
        tell(name, "lines with a rest", of_a_rest);
      end if;
      tell(name, "slices without a pause between", together);
    end procedure;

    procedure run_slice is
      variable clocks : natural := 0;
    begin
      copies   := 1;
      if count > 4096 then
        pattern := flowing;               -- all stored values: short slices have the stalls
      elsif not alone_g and chance(3) then
        copies := 3;                      -- one behind the other, without a pause
      end if;
      reset_at := -1;
      if count > 1 and (chance(4) or resets_of(pattern) = 0 or breaks_of(pattern) = 0) then
        reset_at := count / 2;
      end if;
      begin_anew;
      moves_in := true;
      while taken < count * copies loop
        offer;
        move;
        clocks := clocks + 1;
        assert clocks < 1000 + copies * pause_g + 40 * (copies + 1) * (count + 3 * wide)
          report name_g & ": nothing comes out any more" severity failure;
        if reset_at > 0 and given >= reset_at then
          reset_at := -1;
          if given < count and (alone_g or (resets_of(pattern) > 0
                                            and (breaks_of(pattern) = 0 or chance(2)))) then
            breaks := breaks + 1;
            breaks_of(pattern) := breaks_of(pattern) + 1;
            break_off;
          elsif not alone_g then
            resets := resets + 1;
            resets_of(pattern) := resets_of(pattern) + 1;
            reset;
          end if;
        end if;
      end loop;
      if pattern = flowing then
        measure_the_clocks;
      end if;
      if pattern = flowing and pause_g = 0 then
        judge_the_clocks;
      end if;
      clocks := 0;
      while busy loop
        offer;
        move;
        clocks := clocks + 1;
        assert clocks < 500000 report name_g & ": busy for ever" severity failure;
      end loop;
      longest_busy := maximum(longest_busy, clocks);
      for clocks in 1 to 8 loop           -- nothing may follow
        offer;
        move;
      end loop;
      slices(pattern) := slices(pattern) + 1;
      if wide <= lanes_g then
        of_one_beat := of_one_beat + 1;
      elsif wide mod lanes_g = 0 then
        of_whole_beats := of_whole_beats + 1;
      else
        of_a_rest := of_a_rest + 1;
      end if;
      if copies > 1 then
        together := together + 1;
      end if;
      if count = 1 then
        of_one := of_one + 1;
      elsif wide = 1 or high = 1 then
        of_one_row := of_one_row + 1;
      end if;
    end procedure;
  begin
    moves_in := false;
    reset;
    while not endfile(vectors) loop
      readline(vectors, row_text);
      read(row_text, kind);
      if kind = 'c' then
        read_config;
      elsif kind = 't' then
        read_table;
      else
        read_slice;
        tick;
        run_slice;
        pattern := next_of(pattern);
      end if;
    end loop;

    for each in pattern_t loop
      assert slices(each) > 0 or not cover_g
        report name_g & ": no slice was " & to_string(each) severity failure;
    end loop;
    assert ((resets > 0 or alone_g) and breaks > 0 and of_one > 0 and of_one_row > 0) or not cover_g
      report name_g & ": no reset or no break, or no slice of one voxel or of one line"
      severity failure;
    if cover_g then
      tell_what_came;
    end if;
    finished <= true;                     -- the entities tell what they saw
    wait for 1 ns;
    report_line(name_g & ": " & to_string(compared) & " voxels equal the C twin's; slices"
                & " flowing " & to_string(slices(flowing)) & ", source stalls "
                & to_string(slices(thin)) & ", sink stalls " & to_string(slices(pressed))
                & ", both " & to_string(slices(jerky)) & ", sink blocks "
                & to_string(slices(blocked)) & "; resets in mid-slice " & to_string(resets)
                & ", slices broken off " & to_string(breaks)
                & "; of one voxel " & to_string(of_one) & ", of one row or column "
                & to_string(of_one_row));
    report_line(name_g & ": voxels a clock " & to_string(lanes_g) & ", a slice of "
                & to_string(wide_largest) & " x " & to_string(high_largest) & " in "
                & to_string(clocks_largest) & " clocks, latency " & to_string(latency_largest));
    if longest_busy > 0 then
      report_line(name_g & ": at work for at most " & to_string(longest_busy)
                  & " clocks after a slice");
    end if;
    std.env.finish;
  end process;
end architecture;
