-- Windows, thresholds and morphology in a row, with flat ports: what a chip gets. Each of windows_g
-- organs has its window, its threshold and its mask; all of them move in the same clocks. With
-- otsu_g a histogram counts each organ's voxels, and its threshold may follow the Otsu of the
-- slice before (or of the first of two passes): such a slice waits at the door until that is known.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;

entity tumord_chain is
  generic (bits_g    : positive := 8;     -- between window and threshold, 8 or 12
           lanes_g   : positive := 1;     -- voxels a clock: 1, 2, 4, 8
           windows_g : positive := 1;     -- organs: 1 to 4
           size_g    : positive := 3;     -- of the element: 3 or 5
           sigmoid_g : boolean := false;  -- with tables
           otsu_g    : natural := 0;      -- 0: without; 2: of two classes; 3: of three, too
           stage_g   : boolean := false;  -- cuts ready's way in the middle; a clock more
           fifo_g    : natural := 0);     -- 2 ** fifo_g beats before the sink, if any; two clocks more
  port (clk, rst       : in  std_logic;   -- rst: synchronous, active high
        -- Configuration: stays while a slice is inside. Organ n's lies at n times its width.
        exact          : in  std_logic_vector(windows_g - 1 downto 0);         -- LINEAR_EXACT
        sigmoid        : in  std_logic_vector(windows_g - 1 downto 0) := (others => '0');
        center         : in  std_logic_vector(24 * windows_g - 1 downto 0);    -- in sixteenths
        width          : in  std_logic_vector(24 * windows_g - 1 downto 0);
        choice         : in  std_logic_vector(3 * windows_g - 1 downto 0);     -- choice_t
        low, high      : in  std_logic_vector(bits_g * windows_g - 1 downto 0);
        first, second  : in  std_logic_vector(1 downto 0);    -- 0 copy, 1 erode, 2 dilate
        cross          : in  std_logic;
        columns, rows  : in  std_logic_vector(10 downto 0);
        -- SIGMOID's tables: an entry for the organs whose bit is set.
        table_write    : in  std_logic_vector(windows_g - 1 downto 0) := (others => '0');
        table_grey     : in  std_logic_vector(11 downto 0) := (others => '0');
        table_least    : in  std_logic_vector(25 downto 0) := (others => '0');
        -- What Otsu found last: 0 before the first slice. Organ n's bins lie at 8 n.
        otsu_found_2, otsu_found_3    : out std_logic_vector(windows_g - 1 downto 0);
        otsu_two, otsu_low, otsu_high : out std_logic_vector(8 * windows_g - 1 downto 0);
        otsu_busy      : out std_logic;
        -- AXI4-Stream: lane 0 lies lowest; tuser is (padding of each lane, first of a slice).
        s_axis_tdata   : in  std_logic_vector(24 * lanes_g - 1 downto 0);
        s_axis_tkeep   : in  std_logic_vector(lanes_g - 1 downto 0) := (others => '1');
        s_axis_tuser   : in  std_logic_vector(lanes_g downto 0);
        s_axis_tlast   : in  std_logic;
        s_axis_tvalid  : in  std_logic;
        s_axis_tready  : out std_logic;
        -- Organ n's lanes lie at n * lanes_g.
        m_axis_tdata   : out std_logic_vector(windows_g * lanes_g - 1 downto 0);
        m_axis_tkeep   : out std_logic_vector(lanes_g - 1 downto 0);
        m_axis_tuser   : out std_logic;
        m_axis_tlast   : out std_logic;
        m_axis_tvalid  : out std_logic;
        m_axis_tready  : in  std_logic);
end entity;

architecture rtl of tumord_chain is
  subtype beat_t is streams_t(0 to lanes_g - 1);
  subtype beats_t is streams_t(0 to windows_g * lanes_g - 1);   -- of all organs
  constant zeros_c : std_logic_vector(windows_g - 1 downto 0) := (others => '0');

  signal voxels, let_in         : beat_t;
  signal grey, counted, result  : beats_t;
  signal entry_ready, grey_ready, counted_ready : std_logic;
  signal mask_ready : std_logic_vector(0 to windows_g - 1);
  signal out_data          : std_logic_vector(windows_g * lanes_g - 1 downto 0);
  signal out_keep          : std_logic_vector(lanes_g - 1 downto 0);
  signal out_user, out_last, result_ready : std_logic;
  signal window_config     : windows_t(0 to windows_g - 1);
  signal tables            : tables_t(0 to windows_g - 1);
  signal organ_config      : organs_t(0 to windows_g - 1);
  signal morphology_config : morphology_t;
  signal otsu              : otsus_t(0 to windows_g - 1) := (others => otsu_none_c);
  signal stops, busy       : std_logic_vector(windows_g - 1 downto 0) := (others => '0');
  signal waits             : std_logic := '0';
begin
  -- A lane's last is that of its beat, where no lane follows.
  beats : process (all) is
    variable last, follows : std_logic;
  begin
    last    := '0';
    follows := '0';
    for lane in lanes_g - 1 downto 0 loop
      voxels(lane) <= (data => signed(s_axis_tdata(24 * lane + 23 downto 24 * lane)),
                       pad => s_axis_tuser(lane + 1), user => s_axis_tuser(0) and to_std(lane = 0),
                       last => s_axis_tlast and not follows,
                       valid => s_axis_tvalid and (s_axis_tkeep(lane) or to_std(lane = 0)));
      follows := follows or s_axis_tkeep(lane);
      out_keep(lane) <= result(lane).valid;
      last := last or (result(lane).valid and result(lane).last);
    end loop;
    for at in result'range loop
      out_data(at) <= result(at).data(0);
    end loop;
    out_last <= last;
  end process;
  out_user <= result(0).user;

  -- Held, so that the way from the pins is not that of the logic.
  hold : process (clk) is
  begin
    if rising_edge(clk) then
      for n in 0 to windows_g - 1 loop
        window_config(n) <= (exact => exact(n), sigmoid => sigmoid(n),
                             center => signed(center(24 * n + 23 downto 24 * n)),
                             width => unsigned(width(24 * n + 23 downto 24 * n)));
        organ_config(n) <=
          (choice => unsigned(choice(3 * n + 2 downto 3 * n)),
           low => signed(resize(unsigned(low(bits_g * (n + 1) - 1 downto bits_g * n)), data_bits_c)),
           high => signed(resize(unsigned(high(bits_g * (n + 1) - 1 downto bits_g * n)), data_bits_c)));
        tables(n) <= (table_write(n), unsigned(table_grey), signed(table_least));
      end loop;
      morphology_config <= (first => first, second => second, cross => cross,
                            columns => unsigned(columns), rows => unsigned(rows));
    end if;
  end process;

  -- At the door: a slice whose thresholds follow an Otsu waits for that of the slice before.
  door : process (all) is
    variable shut : std_logic;
  begin
    shut   := waits and voxels(0).user;
    let_in <= voxels;
    for lane in 0 to lanes_g - 1 loop
      let_in(lane).valid <= voxels(lane).valid and not shut;
    end loop;
    s_axis_tready <= entry_ready and not shut;
  end process;

  windows : entity work.tumord_windows
    generic map (windows_g => windows_g, bits_g => bits_g, lanes_g => lanes_g,
                 sigmoid_g => sigmoid_g)
    port map (clk => clk, rst => rst, config => window_config, table => tables, source => let_in,
              source_ready => entry_ready, sink => grey, sink_ready => grey_ready);

  with_otsu : if otsu_g > 0 generate
    -- Lines of the slice that were let in, and that the histograms took; whole slices between.
    signal lines_in, lines_out : count_t := (others => '0');
    signal between  : unsigned(4 downto 0) := (others => '0');
    signal settling : std_logic_vector(1 downto 0) := "00";
    signal follows  : std_logic;

    function ends(beat : beat_t) return std_logic is
      variable any : std_logic := '0';
    begin
      for lane in beat'range loop
        any := any or (beat(lane).valid and beat(lane).last);
      end loop;
      return any;
    end function;

    -- What a beat that moves does to the number of lines, and whether it ends the slice.
    procedure count(signal lines : inout count_t; beat : beat_t; rows : count_t;
                    ended : out std_logic) is
      variable here : count_t := lines;
    begin
      ended := '0';
      if beat(0).user then
        here := (others => '0');
      end if;
      if ends(beat) then
        here  := here + 1;
        ended := to_std(here = rows);
      end if;
      lines <= here;
    end procedure;
  begin
    grey_ready <= counted_ready when stops = zeros_c else '0';
    waits      <= follows and (to_std(between /= 0) or to_std(busy /= zeros_c) or settling(0)
                               or settling(1));
    otsu_busy  <= to_std(between /= 0) or to_std(busy /= zeros_c) or settling(0) or settling(1);

    follow : process (clk) is
      variable ended_in, ended_out : std_logic;
      variable any : std_logic;
    begin
      if rising_edge(clk) then
        any := '0';
        for n in 0 to windows_g - 1 loop
          any := any or organ_config(n).choice(1) or organ_config(n).choice(2);
        end loop;
        follows   <= any;
        ended_in  := '0';
        ended_out := '0';
        if let_in(0).valid and entry_ready then
          count(lines_in, let_in, morphology_config.rows, ended_in);
        end if;
        if grey(0).valid and grey_ready then
          count(lines_out, grey(0 to lanes_g - 1), morphology_config.rows, ended_out);
        end if;
        if ended_in = '1' and ended_out = '0' then
          between <= between + 1;
        elsif ended_in = '0' and ended_out = '1' then
          between <= between - 1;
        end if;
        settling <= settling(0) & (to_std(busy /= zeros_c) or ended_out);
        if rst then
          between  <= (others => '0');
          settling <= "00";
        end if;
      end if;
    end process;
  else generate
    counted    <= grey;
    grey_ready <= counted_ready;
    otsu_busy  <= '0';
  end generate;

  counted_ready <= mask_ready(0);

  organs : for n in 0 to windows_g - 1 generate
    constant from_c : natural := n * lanes_g;
    constant to_c   : natural := from_c + lanes_g - 1;
    signal mask, staged : beat_t;
    signal threshold    : threshold_t;
    signal stage_ready, morph_ready : std_logic;
  begin
    otsu_found_2(n) <= otsu(n).found_2;
    otsu_found_3(n) <= otsu(n).found_3;
    otsu_two(8 * n + 7 downto 8 * n)  <= std_logic_vector(otsu(n).two);
    otsu_low(8 * n + 7 downto 8 * n)  <= std_logic_vector(otsu(n).low);
    otsu_high(8 * n + 7 downto 8 * n) <= std_logic_vector(otsu(n).high);

    choosing : process (clk) is
    begin
      if rising_edge(clk) then
        threshold <= choose(organ_config(n), otsu(n), bits_g);
      end if;
    end process;

    counting : if otsu_g > 0 generate
      signal passed                : beat_t;
      signal bin, bin_2, bin_3     : bin_t;
      signal bin_ready, ready_2, ready_3, others_stop : std_logic;
      signal busy_histogram, busy_2, busy_3, done_2, done_3, found_2, found_3 : std_logic;
      signal two, low_of, high_of  : unsigned(7 downto 0);
    begin
      others_stop <= to_std((stops and not std_logic_vector(to_unsigned(2 ** n, windows_g)))
                            /= zeros_c);
      busy(n)   <= busy_histogram or busy_2 or busy_3 or done_2 or done_3;
      bin_ready <= ready_2 and ready_3;
      fork : process (all) is
      begin
        bin_2 <= bin;
        bin_3 <= bin;
        bin_2.valid <= bin.valid and ready_3;
        bin_3.valid <= bin.valid and ready_2;
      end process;

      histogram : entity work.tumord_histogram
        generic map (bits_g => bits_g, lanes_g => lanes_g)
        port map (clk => clk, rst => rst, rows => morphology_config.rows,
                  source => grey(from_c to to_c), source_ready => open,
                  sink => passed, sink_ready => counted_ready and not others_stop,
                  bin => bin, bin_ready => bin_ready, busy => busy_histogram, stops => stops(n));

      -- All organs move in the same clocks.
      together : process (all) is
        variable beat : beat_t;
      begin
        beat := passed;
        for lane in beat'range loop
          beat(lane).valid := passed(lane).valid and not others_stop;
        end loop;
        counted(from_c to to_c) <= beat;
      end process;

      of_two : entity work.tumord_otsu
        port map (clk => clk, rst => rst, bin => bin_2, bin_ready => ready_2, busy => busy_2,
                  done => done_2, found => found_2, threshold => two);

      three : if otsu_g > 2 generate
        of_three : entity work.tumord_otsu3
          port map (clk => clk, rst => rst, bin => bin_3, bin_ready => ready_3, busy => busy_3,
                    done => done_3, found => found_3, low => low_of, high => high_of);
      else generate
        ready_3 <= '1';
        busy_3  <= '0';
        done_3  <= '0';
        found_3 <= '0';
        low_of  <= (others => '0');
        high_of <= (others => '0');
      end generate;

      keep : process (clk) is
      begin
        if rising_edge(clk) then
          if done_2 then
            otsu(n).found_2 <= found_2;
            otsu(n).two     <= two;
          end if;
          if done_3 then
            otsu(n).found_3 <= found_3;
            otsu(n).low     <= low_of;
            otsu(n).high    <= high_of;
          end if;
          if rst then
            otsu(n) <= otsu_none_c;
          end if;
        end if;
      end process;
    end generate;

    thresholding : entity work.tumord_threshold
      generic map (lanes_g => lanes_g)
      port map (clk => clk, rst => rst, config => threshold, source => counted(from_c to to_c),
                source_ready => mask_ready(n), sink => mask, sink_ready => stage_ready);

    with_stage : if stage_g generate          -- where voxels have one bit
      stage : entity work.tumord_stage
        generic map (lanes_g => lanes_g)
        port map (clk => clk, rst => rst, source => mask, source_ready => stage_ready,
                  sink => staged, sink_ready => morph_ready, spare => open);
    else generate
      staged      <= mask;
      stage_ready <= morph_ready;
    end generate;

    morphology : entity work.tumord_morphology
      generic map (size_g => size_g, lanes_g => lanes_g)
      port map (clk => clk, rst => rst, config => morphology_config, source => staged,
                source_ready => morph_ready, sink => result(from_c to to_c),
                sink_ready => result_ready);
  end generate;

  with_fifo : if fifo_g > 0 generate
    signal given, taken : std_logic_vector((windows_g + 1) * lanes_g + 1 downto 0);
  begin
    given <= out_data & out_keep & out_user & out_last;
    m_axis_tdata <= taken(taken'high downto lanes_g + 2);
    m_axis_tkeep <= taken(lanes_g + 1 downto 2);
    m_axis_tuser <= taken(1);
    m_axis_tlast <= taken(0);

    fifo : entity work.tumord_fifo
      generic map (width_g => given'length, log_g => fifo_g)
      port map (clk => clk, rst => rst, source => given, source_valid => result(0).valid,
                source_ready => result_ready, sink => taken, sink_valid => m_axis_tvalid,
                sink_ready => m_axis_tready, level => open, look => open);
  else generate
    m_axis_tdata  <= out_data;
    m_axis_tkeep  <= out_keep;
    m_axis_tuser  <= out_user;
    m_axis_tlast  <= out_last;
    m_axis_tvalid <= result(0).valid;
    result_ready  <= m_axis_tready;
  end generate;
end architecture;
