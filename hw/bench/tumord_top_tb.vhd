-- tumord_top against the C twin, by a script, of which each line is one thing to do:
--   w ADDRESS VALUE STROBES OKAY   a write; OKAY 0: SLVERR must be the answer
--   r ADDRESS VALUE OKAY           a read, which must give the value
--   s COLUMNS ROWS                 a slice begins to flow; then for each voxel: IN GREY PAD MASK
--   n COLUMNS ROWS                 the same without what comes out: IN 0 0 0
--   i                              wait for the interrupt, and for the slice to be out
--   g                              the rest of a slice never comes, nor is what came of it looked at
--   x                              a reset in mid-slice: the lines after it begin anew
-- With output_g what comes out is written there instead of compared, and each read's value:
--   v GREY PAD MASK for each voxel at i, r VALUE for each read, e at the end of the slice.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use ieee.math_real.all;
use std.textio.all;
use work.tumord.all;
use work.tumord_bench.all;

entity tumord_top_tb is
  generic (vectors_g : string; seed_g : positive := 1; fault_g : natural := 0;
           labels_g  : positive := 63; three_g : boolean := true; size_g : positive := 3;
           covers_g  : boolean := true;    -- the script has every stall, a reset, a refusal
           output_g  : string := "");
end entity;

architecture bench of tumord_top_tb is
  constant most_c : positive := 2 ** 20;
  type voxel_t is record
    given, grey, pad, mask : integer;
  end record;
  type voxels_t is array (0 to most_c - 1) of voxel_t;
  type pattern_t is (flowing, thin, pressed, jerky);
  type counts_t is array (pattern_t) of natural;
  subtype word_t is std_logic_vector(31 downto 0);

  signal clk, resetn : std_logic := '0';
  signal awaddr, araddr : std_logic_vector(7 downto 0) := (others => '0');
  signal wdata, rdata : word_t := (others => '0');
  signal wstrb : std_logic_vector(3 downto 0) := (others => '0');
  signal bresp, rresp : std_logic_vector(1 downto 0);
  signal awvalid, wvalid, bready, arvalid, rready : std_logic := '0';
  signal awready, wready, bvalid, arready, rvalid, irq : std_logic;
  signal s_data, grey_data : std_logic_vector(15 downto 0) := (others => '0');
  signal s_user, s_last, s_valid, s_ready : std_logic := '0';
  signal grey_user : std_logic_vector(1 downto 0);
  signal grey_last, grey_valid, mask_user, mask_last, mask_valid : std_logic;
  signal grey_ready, mask_ready : std_logic := '0';
  signal mask_data : std_logic_vector(7 downto 0);
  signal source, picture, mask : stream_t := stream_idle_c;
  signal columns, rows : count_t := to_unsigned(1, count_t'length);
  signal reset, over : std_logic := '0';
  signal anew : std_logic;                -- for the watches: the next voxel is a first one
begin
  reset   <= not resetn;
  anew    <= reset or over;
  source  <= (data => signed(resize(unsigned(s_data), data_bits_c)), pad => '0', last => s_last,
              user => s_user, valid => s_valid);
  picture <= (data => signed(resize(unsigned(grey_data), data_bits_c)), pad => grey_user(1),
              last => grey_last, user => grey_user(0), valid => grey_valid);
  mask    <= (data => signed(resize(unsigned(mask_data), data_bits_c)), pad => '0',
              last => mask_last, user => mask_user, valid => mask_valid);

  watch_source : entity work.tumord_watch
    generic map ("top source")
    port map (clk => clk, rst => anew, columns => columns, rows => rows, stream(0) => source,
              ready => s_ready);
  watch_picture : entity work.tumord_watch
    generic map ("top picture")
    port map (clk => clk, rst => anew, columns => columns, rows => rows, stream(0) => picture,
              ready => grey_ready);
  watch_mask : entity work.tumord_watch
    generic map ("top mask")
    port map (clk => clk, rst => anew, columns => columns, rows => rows, stream(0) => mask,
              ready => mask_ready);
  watch_axi : entity work.tumord_axi_watch
    port map (clk, reset, awaddr, araddr, wdata, rdata, wstrb, bresp, rresp, awvalid, awready,
              wvalid, wready, bvalid, bready, arvalid, arready, rvalid, rready);

  entity_under_test : entity work.tumord_top
    generic map (labels_g => labels_g, three_g => three_g, size_g => size_g)
    port map (aclk => clk, aresetn => resetn,
              s_axi_awaddr => awaddr, s_axi_awvalid => awvalid, s_axi_awready => awready,
              s_axi_wdata => wdata, s_axi_wstrb => wstrb, s_axi_wvalid => wvalid,
              s_axi_wready => wready, s_axi_bresp => bresp, s_axi_bvalid => bvalid,
              s_axi_bready => bready, s_axi_araddr => araddr, s_axi_arvalid => arvalid,
              s_axi_arready => arready, s_axi_rdata => rdata, s_axi_rresp => rresp,
              s_axi_rvalid => rvalid, s_axi_rready => rready, irq => irq,
              s_axis_tdata => s_data, s_axis_tuser => s_user, s_axis_tlast => s_last,
              s_axis_tvalid => s_valid, s_axis_tready => s_ready,
              m_axis_grey_tdata => grey_data, m_axis_grey_tuser => grey_user,
              m_axis_grey_tlast => grey_last, m_axis_grey_tvalid => grey_valid,
              m_axis_grey_tready => grey_ready,
              m_axis_mask_tdata => mask_data, m_axis_mask_tuser => mask_user,
              m_axis_mask_tlast => mask_last, m_axis_mask_tvalid => mask_valid,
              m_axis_mask_tready => mask_ready);

  main : process is
    file script       : text;
    file output       : text;
    constant compares : boolean := output_g = "";
    variable voxels   : voxels_t;
    variable row_text, out_text : line;
    variable kind     : character;
    variable seed_1   : positive := seed_g;
    variable seed_2   : positive := 4711;
    variable count, given, greys, masks, wide, high, number : natural := 0;
    variable clock, first_in, last_in, longest, best, best_count : natural := 0;
    variable slices   : counts_t := (others => 0);
    variable pattern  : pattern_t := flowing;
    variable writes, reads, refused, resets, given_up, voxels_seen : natural := 0;
    variable address, value, strobes, okay : integer;

    impure function chance(one_in : positive) return boolean is
      variable drawn : real;
    begin
      uniform(seed_1, seed_2, drawn);
      return drawn * real(one_in) < 1.0;
    end function;

    impure function stalls(where_it_may : boolean) return boolean is
    begin
      if where_it_may then
        return chance(2);
      end if;
      return false;
    end function;

    procedure compare_grey is
      constant wanted : voxel_t := voxels(greys mod most_c);
    begin
      if not compares then
        voxels(greys).grey := to_integer(unsigned(grey_data));
        voxels(greys).pad  := to_integer(unsigned(grey_user(1 downto 1)));
      else
        number := number + 1;
        assert greys < count report "top: a grey too many" severity failure;
        assert unsigned(grey_data) = wanted.grey + to_integer(unsigned'(0 => to_std(fault_g = 1 and number = 100)))
          and grey_user(1) = to_std(wanted.pad = 1)
          report "top: grey " & to_string(greys) & " of a slice of " & to_string(wide) & " x "
                 & to_string(high) & " is " & to_string(to_integer(unsigned(grey_data)))
                 & ", the C twin has " & to_string(wanted.grey) severity failure;
      end if;
      greys := greys + 1;
    end procedure;

    procedure compare_mask is
    begin
      if not compares then
        voxels(masks).mask := to_integer(unsigned(mask_data));
      else
        assert masks < count report "top: a voxel of the mask too many" severity failure;
        assert unsigned(mask_data) = voxels(masks).mask
          report "top: voxel " & to_string(masks) & " of a mask of " & to_string(wide) & " x "
                 & to_string(high) & " is " & to_string(to_integer(unsigned(mask_data)))
                 & ", the C twin has " & to_string(voxels(masks).mask) severity failure;
      end if;
      masks := masks + 1;
      voxels_seen := voxels_seen + 1;
    end procedure;

    -- A clock: what moves at its edge is known before it.
    procedure tick is
      variable in_moves : boolean;
    begin
      clk <= '0';
      wait for 5 ns;
      in_moves := resetn = '1' and s_valid = '1' and s_ready = '1';
      if resetn = '1' and over = '0' and grey_valid = '1' and grey_ready = '1' then
        compare_grey;
      end if;
      if resetn = '1' and over = '0' and mask_valid = '1' and mask_ready = '1' then
        compare_mask;
      end if;
      clk <= '1';
      wait for 5 ns;
      clock := clock + 1;
      if in_moves then
        if given = 0 then
          first_in := clock;
        end if;
        given := given + 1;
        if given = count then
          last_in := clock;
        end if;
      end if;
      if s_valid = '0' or in_moves then
        s_valid <= '0';
        if given < count and not stalls(pattern = thin or pattern = jerky) then
          s_valid <= '1';
          s_data  <= std_logic_vector(to_unsigned(voxels(given).given, 16));
          s_user  <= to_std(given = 0);
          s_last  <= to_std((given + 1) mod wide = 0);
        end if;
      end if;
      grey_ready <= to_std(not stalls(pattern = pressed or pattern = jerky));
      mask_ready <= to_std(not stalls(pattern = pressed or pattern = jerky));
    end procedure;

    procedure write_word(address : integer; value : word_t; strobes : integer; okay : boolean) is
      variable moved_aw, moved_w, moved_b : boolean := false;
      variable clocks : natural := 0;
    begin
      awaddr <= std_logic_vector(to_unsigned(address, 8));
      wdata  <= value;
      wstrb  <= std_logic_vector(to_unsigned(strobes, 4));
      while not moved_b loop
        if awvalid = '0' and not moved_aw then
          awvalid <= to_std(not compares or chance(2));
        end if;
        if wvalid = '0' and not moved_w then
          wvalid <= to_std(not compares or chance(2));
        end if;
        bready <= to_std(not compares or chance(2));
        wait for 0 ns;
        wait for 0 ns;
        if awvalid = '1' and awready = '1' then moved_aw := true; end if;
        if wvalid = '1' and wready = '1' then moved_w := true; end if;
        if bvalid = '1' and bready = '1' then
          moved_b := true;
          assert bresp = "00" or not okay
            report "axi: the write to " & to_string(address) & " was refused" severity failure;
          assert bresp = "10" or okay
            report "axi: the write to " & to_string(address) & " was not refused" severity failure;
        end if;
        tick;
        if moved_aw then awvalid <= '0'; end if;
        if moved_w then wvalid <= '0'; end if;
        clocks := clocks + 1;
        assert clocks < 100 report "axi: no answer to a write" severity failure;
      end loop;
      bready <= '0';
      writes := writes + 1;
      if not okay then
        refused := refused + 1;
      end if;
    end procedure;

    procedure read_word(address : integer; value : word_t; okay : boolean) is
      variable moved_ar, moved_r : boolean := false;
      variable clocks : natural := 0;
    begin
      araddr <= std_logic_vector(to_unsigned(address, 8));
      while not moved_r loop
        if arvalid = '0' and not moved_ar then
          arvalid <= to_std(not compares or chance(2));
        end if;
        rready <= to_std(not compares or chance(2));
        wait for 0 ns;
        wait for 0 ns;
        if arvalid = '1' and arready = '1' then moved_ar := true; end if;
        if rvalid = '1' and rready = '1' then
          moved_r := true;
          assert rresp = "00" or not okay
            report "axi: the read of " & to_string(address) & " was refused" severity failure;
          assert rresp = "10" or okay
            report "axi: the read of " & to_string(address) & " was not refused" severity failure;
          if not compares then
            std.textio.write(out_text, string'("r ") & to_string(to_integer(signed(rdata))));
            writeline(output, out_text);
          else
            assert rdata = value or not okay
              report "axi: register " & to_string(address) & " is "
                     & to_string(to_integer(signed(rdata))) & ", the C twin has "
                     & to_string(to_integer(signed(value))) severity failure;
          end if;
        end if;
        tick;
        if moved_ar then arvalid <= '0'; end if;
        clocks := clocks + 1;
        assert clocks < 100 report "axi: no answer to a read" severity failure;
      end loop;
      rready <= '0';
      reads := reads + 1;
      if not okay then
        refused := refused + 1;
      end if;
    end procedure;

    procedure read_slice(short : boolean) is
      variable clocks : natural := 0;
    begin
      while over = '1' and (given < count or s_valid = '1') loop
        tick;
        clocks := clocks + 1;
        assert clocks < 8 * count + 100
          report "top: the rest of a slice does not go by" severity failure;
      end loop;
      read(row_text, wide);
      read(row_text, high);
      count := wide * high;
      assert count <= most_c report "top: the slice is too large" severity failure;
      columns <= to_unsigned(wide, count_t'length);
      rows    <= to_unsigned(high, count_t'length);
      for at in 0 to count - 1 loop
        readline(script, row_text);
        read(row_text, voxels(at).given);
        if not short then
          read(row_text, voxels(at).grey);
          read(row_text, voxels(at).pad);
          read(row_text, voxels(at).mask);
        end if;
      end loop;
      given := 0;  greys := 0;  masks := 0;
      over <= '0';
      if count > 4096 or not compares then
        pattern := flowing;
      end if;
    end procedure;

    procedure wait_for_it is
      variable clocks : natural := 0;
    begin
      while irq = '0' loop
        tick;
        clocks := clocks + 1;
        assert clocks < 300000 + 8 * count report "top: no interrupt" severity failure;
      end loop;
      assert given = count and greys = count and masks = count
        report "top: the interrupt came before the slice was out" severity failure;
      if pattern = flowing and count > best_count then
        assert last_in - first_in = count - 1
          report "top: the source had to wait in mid-slice" severity failure;
        best_count := count;
        best       := clock - first_in;
      end if;
      slices(pattern) := slices(pattern) + 1;
      if compares then
        pattern := flowing when pattern = jerky else pattern_t'succ(pattern);
      else
        for at in 0 to count - 1 loop
          std.textio.write(out_text, string'("v ") & to_string(voxels(at).grey) & " "
                & to_string(voxels(at).pad) & " " & to_string(voxels(at).mask));
          writeline(output, out_text);
        end loop;
      end if;
      count := 0;  given := 0;
    end procedure;

    -- Nobody looks at what still comes of the slice, until the next one. The register `control` has
    -- the pipeline start anew; what the source still offers goes by.
    procedure give_up is
    begin
      over     <= '1';
      given_up := given_up + 1;
    end procedure;

    procedure reset_it is
    begin
      if resetn then
        for clocks in 1 to 2 * wide + 3 loop
          tick;
        end loop;
        resets := resets + 1;
      end if;
      resetn  <= '0';
      count   := 0;
      given   := 0;
      s_valid <= '0';
      for clocks in 1 to 3 loop
        tick;
        s_valid <= '0';
      end loop;
      resetn <= '1';
      tick;
    end procedure;
  begin
    file_open(script, vectors_g, read_mode);
    if not compares then
      file_open(output, output_g, write_mode);
    end if;
    reset_it;
    while not endfile(script) loop
      readline(script, row_text);
      read(row_text, kind);
      if kind = 'w' then
        read(row_text, address);
        read(row_text, value);
        read(row_text, strobes);
        read(row_text, okay);
        write_word(address, word_t(to_signed(value, 32)), strobes, okay = 1);
      elsif kind = 'r' then
        read(row_text, address);
        read(row_text, value);
        read(row_text, okay);
        read_word(address, word_t(to_signed(value, 32)), okay = 1);
      elsif kind = 's' or kind = 'n' then
        read_slice(kind = 'n');
      elsif kind = 'i' then
        wait_for_it;
      elsif kind = 'x' then
        reset_it;
      elsif kind = 'g' then
        give_up;
      elsif kind = 'e' then
        std.textio.write(out_text, string'("e"));
        writeline(output, out_text);
        flush(output);
      end if;
    end loop;

    if compares then
      for each in pattern_t loop
        assert slices(each) > 0 or not covers_g
          report "top: no slice was " & to_string(each) severity failure;
      end loop;
      assert (resets > 0 and refused > 0) or not covers_g
        report "top: no reset, or nothing refused" severity failure;
      report_line("top: " & to_string(voxels_seen) & " voxels of picture and mask equal the C twin's;"
                  & " slices flowing " & to_string(slices(flowing)) & ", source stalls "
                  & to_string(slices(thin)) & ", sinks stall " & to_string(slices(pressed))
                  & ", both " & to_string(slices(jerky)) & "; resets in mid-slice "
                  & to_string(resets) & ", slices given up " & to_string(given_up) & "; registers written " & to_string(writes) & ", read "
                  & to_string(reads) & ", refused " & to_string(refused));
      report_line("top: a slice of " & to_string(best_count) & " voxels goes in without a pause,"
                  & " and is told " & to_string(best - best_count)
                  & " clocks after its last voxel");
    end if;
    finished <= true;                     -- the entities tell what they saw
    wait for 1 ns;
    std.env.finish;
  end process;
end architecture;
