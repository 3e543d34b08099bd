-- The whole chain with flat ports: stored values in; the picture and the mask out; numbers, the
-- configuration and an interrupt at the end of a slice by AXI4-Lite (tumord_registers).
--
--   rescale - window - fork - picture
--                        \- histogram - statistics - threshold - morphology - components - mask
--
-- A slice begins when the one before is out and told; then it takes what the registers say.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;

entity tumord_top is
  generic (bits_g    : positive := 8;     -- of the picture: 8 or 12
           labels_g  : positive := 255;   -- names of the table of components
           corners_g : boolean  := true;  -- components by 8 neighbours, else by 4
           size_g    : positive := 3;     -- of the morphology: 3 or 5
           sigmoid_g : boolean  := false; -- with the table of SIGMOID
           three_g   : boolean  := false); -- with Otsu's thresholds of three classes
  port (aclk          : in  std_logic;
        aresetn       : in  std_logic;                        -- synchronous, active low
        -- AXI4-Lite.
        s_axi_awaddr  : in  std_logic_vector(7 downto 0);
        s_axi_awvalid : in  std_logic;
        s_axi_awready : out std_logic;
        s_axi_wdata   : in  std_logic_vector(31 downto 0);
        s_axi_wstrb   : in  std_logic_vector(3 downto 0);
        s_axi_wvalid  : in  std_logic;
        s_axi_wready  : out std_logic;
        s_axi_bresp   : out std_logic_vector(1 downto 0);
        s_axi_bvalid  : out std_logic;
        s_axi_bready  : in  std_logic;
        s_axi_araddr  : in  std_logic_vector(7 downto 0);
        s_axi_arvalid : in  std_logic;
        s_axi_arready : out std_logic;
        s_axi_rdata   : out std_logic_vector(31 downto 0);
        s_axi_rresp   : out std_logic_vector(1 downto 0);
        s_axi_rvalid  : out std_logic;
        s_axi_rready  : in  std_logic;
        irq           : out std_logic;
        -- AXI4-Stream: stored values.
        s_axis_tdata  : in  std_logic_vector(15 downto 0);
        s_axis_tuser  : in  std_logic;                        -- first of a slice
        s_axis_tlast  : in  std_logic;                        -- of a line
        s_axis_tvalid : in  std_logic;
        s_axis_tready : out std_logic;
        -- The picture; tuser is (padding, first of a slice).
        m_axis_grey_tdata  : out std_logic_vector(15 downto 0);
        m_axis_grey_tuser  : out std_logic_vector(1 downto 0);
        m_axis_grey_tlast  : out std_logic;
        m_axis_grey_tvalid : out std_logic;
        m_axis_grey_tready : in  std_logic;
        -- The mask, 0 or 1.
        m_axis_mask_tdata  : out std_logic_vector(7 downto 0);
        m_axis_mask_tuser  : out std_logic;
        m_axis_mask_tlast  : out std_logic;
        m_axis_mask_tvalid : out std_logic;
        m_axis_mask_tready : in  std_logic);
end entity;

architecture rtl of tumord_top is
  type state_t is (idle, hold, pass, drain);
  subtype one_t is streams_t(0 to 0);              -- one lane
  type parts_t is array (0 to 255) of std_logic_vector(64 downto 0);

  signal clk, rst, anew, restart : std_logic := '1';
  signal written, config : settings_t;             -- by the host; for this slice
  signal table           : table_t;
  signal state           : state_t := idle;
  signal column, row, grey_row : count_t := (others => '0');
  signal raw, stored, sixteenths, grey, counted, measured, chosen_ones, opened : one_t;
  signal picture, onward : stream_t;
  signal mask            : stream_t;
  signal raw_ready, stored_ready, sixteenths_ready, grey_ready, onward_ready, counted_ready,
         measured_ready, chosen_ready, opened_ready : std_logic;
  signal bin, bin_two, bin_three : bin_t;
  signal bin_ready, ready_two, ready_three : std_logic;
  signal otsu_done, three_done, statistics_done, components_done : std_logic;
  signal otsu_told, three_told, statistics_told, components_told, grey_out : std_logic := '0';
  signal known, ended, malformed, busy, take, counting, naming : std_logic := '0';
  signal part            : component_t;
  signal parts           : parts_t := (others => (others => '0'));
  signal part_bits       : std_logic_vector(64 downto 0);
  signal index, told     : unsigned(7 downto 0) := (others => '0');
  signal results         : results_t;
begin
  clk <= aclk;

  registers : entity work.tumord_registers
    generic map (bits_g => bits_g, labels_g => labels_g, size_g => size_g,
                 corners_g => corners_g, sigmoid_g => sigmoid_g, three_g => three_g)
    port map (clk => clk, rst => rst,
              awaddr => s_axi_awaddr, awvalid => s_axi_awvalid, awready => s_axi_awready,
              wdata => s_axi_wdata, wstrb => s_axi_wstrb, wvalid => s_axi_wvalid,
              wready => s_axi_wready, bresp => s_axi_bresp, bvalid => s_axi_bvalid,
              bready => s_axi_bready, araddr => s_axi_araddr, arvalid => s_axi_arvalid,
              arready => s_axi_arready, rdata => s_axi_rdata, rresp => s_axi_rresp,
              rvalid => s_axi_rvalid, rready => s_axi_rready, irq => irq,
              config => written, restart => restart, table => table, index => index,
              part => (area => unsigned(part_bits(64 downto 44)),
                       column_low => unsigned(part_bits(43 downto 33)),
                       column_high => unsigned(part_bits(32 downto 22)),
                       row_low => unsigned(part_bits(21 downto 11)),
                       row_high => unsigned(part_bits(10 downto 0))),
              results => results, busy => busy, ended => ended, malformed => malformed);

  -- ---- the gate: one slice after the other ----

  rst  <= not aresetn;
  busy <= to_std(state /= idle);
  take <= raw(0).valid and raw_ready;
  raw(0) <= (data => signed(resize(unsigned(s_axis_tdata), data_bits_c)), pad => '0',
             last => s_axis_tlast, user => s_axis_tuser, valid => s_axis_tvalid);
  -- Between slices, what is left of one that was given up goes by.
  raw_ready     <= (stored_ready and to_std(state = pass))
                   or (written.enable and not raw(0).user and to_std(state = idle));
  s_axis_tready <= raw_ready;

  let_in : process (all) is
  begin
    stored          <= raw;
    stored(0).valid <= raw(0).valid and to_std(state = pass);
  end process;

  gate : process (clk) is
    variable here_column, here_row : count_t;
  begin
    if rising_edge(clk) then
      ended     <= '0';
      malformed <= '0';
      anew      <= rst or restart;
      if state = idle then
        otsu_told       <= '0';
        three_told      <= '0';
        statistics_told <= '0';
        components_told <= '0';
        grey_out        <= '0';
        config          <= written;
        config.threshold <= choose(written, results, bits_g);
        if written.enable = '1' and raw(0).valid = '1' and raw(0).user = '1' and anew = '0'
           and counting = '0' and naming = '0' then
          state <= hold;              -- a clock, so that all of them have it
        end if;
      elsif state = hold then
        column <= (others => '0');
        row    <= (others => '0');
        state  <= pass;
      elsif state = pass then
        if take then
          here_column := column;
          here_row    := row;
          if raw(0).user then
            here_column := (others => '0');
            here_row    := (others => '0');
          end if;
          malformed <= to_std(here_column + 1 = config.columns) xor raw(0).last;
          column    <= here_column + 1;
          row       <= here_row;
          if raw(0).last then
            column <= (others => '0');
            row    <= here_row + 1;
            if here_row + 1 = config.rows then
              state <= drain;
            end if;
          end if;
        end if;
      elsif otsu_told = '1' and three_told = '1' and statistics_told = '1'
            and components_told = '1' and grey_out = '1' then
        ended <= '1';
        state <= idle;
      end if;

      if state /= idle then
        otsu_told       <= otsu_told or otsu_done;
        three_told      <= three_told or three_done;
        statistics_told <= statistics_told or statistics_done;
        components_told <= components_told or components_done;
      end if;
      if picture.valid and m_axis_grey_tready then
        here_row := grey_row;
        if picture.user then
          here_row := (others => '0');
        end if;
        grey_row <= here_row;
        if picture.last then
          grey_row <= here_row + 1;
          grey_out <= to_std(here_row + 1 = config.rows);
        end if;
      end if;
      if rst = '1' or restart = '1' then
        state <= idle;
        ended <= '0';
      end if;
    end if;
  end process;

  -- ---- the chain ----

  rescale : entity work.tumord_rescale
    port map (clk => clk, rst => anew, config => config.rescale, source => stored,
              source_ready => stored_ready, sink => sixteenths, sink_ready => sixteenths_ready);

  window : entity work.tumord_window
    generic map (bits_g => bits_g, sigmoid_g => sigmoid_g)
    port map (clk => clk, rst => anew, config => config.window, table => table,
              source => sixteenths, source_ready => sixteenths_ready, sink => grey,
              sink_ready => grey_ready);

  fork : entity work.tumord_fork
    port map (clk => clk, rst => anew, source => grey(0), source_ready => grey_ready,
              one => picture, one_ready => m_axis_grey_tready, other => onward,
              other_ready => onward_ready);

  histogram : entity work.tumord_histogram
    generic map (bits_g => bits_g)
    port map (clk => clk, rst => anew, rows => config.rows, source(0) => onward,
              source_ready => onward_ready, sink => counted, sink_ready => counted_ready,
              bin => bin, bin_ready => bin_ready, busy => counting);

  otsu : entity work.tumord_otsu
    port map (clk => clk, rst => anew, bin => bin_two, bin_ready => ready_two, busy => open,
              done => otsu_done, found => results.otsu_found, threshold => results.otsu);

  three : if three_g generate
    otsu3 : entity work.tumord_otsu3
      port map (clk => clk, rst => anew, bin => bin_three, bin_ready => ready_three, busy => open,
                done => three_done, found => results.three_found, low => results.middle,
                high => results.upper);
  else generate
    ready_three         <= '1';
    three_done          <= otsu_done;
    results.three_found <= '0';
    results.middle      <= (others => '0');
    results.upper       <= (others => '0');
  end generate;

  -- Both take a bin in the same clock.
  bin_ready <= ready_two and ready_three;
  bins : process (all) is
  begin
    bin_two         <= bin;
    bin_two.valid   <= bin.valid and ready_three;
    bin_three       <= bin;
    bin_three.valid <= bin.valid and ready_two;
  end process;

  statistics : entity work.tumord_statistics
    port map (clk => clk, rst => anew, config => config.threshold, rows => config.rows,
              source => counted, source_ready => counted_ready, sink => measured,
              sink_ready => measured_ready, done => statistics_done,
              result => results.statistics);

  threshold : entity work.tumord_threshold
    port map (clk => clk, rst => anew, config => config.threshold, source => measured,
              source_ready => measured_ready, sink => chosen_ones, sink_ready => chosen_ready);

  morphology : entity work.tumord_morphology
    generic map (size_g => size_g)
    port map (clk => clk, rst => anew, config => config.morphology, source => chosen_ones,
              source_ready => chosen_ready, sink => opened, sink_ready => opened_ready);

  components : entity work.tumord_components
    generic map (labels_g => labels_g, corners_g => corners_g)
    port map (clk => clk, rst => anew, columns => config.columns, rows => config.rows,
              source => opened(0), source_ready => opened_ready, sink => mask,
              sink_ready => m_axis_mask_tready, known => known, part => part,
              done => components_done, count => results.count, lost => results.lost,
              busy => naming);

  -- The components of the last slice, which come from the last to the first.
  keep_parts : process (clk) is
    variable at : unsigned(7 downto 0);
  begin
    if rising_edge(clk) then
      at := results.count - 1 - index;
      part_bits <= parts(to_integer(at));
      if known then
        parts(to_integer(told)) <= std_logic_vector(unsigned'(part.area & part.column_low
          & part.column_high & part.row_low & part.row_high));
        told <= told + 1;
      end if;
      if state = idle then
        told <= (others => '0');
      end if;
    end if;
  end process;

  m_axis_grey_tdata  <= std_logic_vector(picture.data(15 downto 0));
  m_axis_grey_tuser  <= picture.pad & picture.user;
  m_axis_grey_tlast  <= picture.last;
  m_axis_grey_tvalid <= picture.valid;
  m_axis_mask_tdata  <= "0000000" & mask.data(0);
  m_axis_mask_tuser  <= mask.user;
  m_axis_mask_tlast  <= mask.last;
  m_axis_mask_tvalid <= mask.valid;
end architecture;
