-- Window, threshold and morphology in a row, with flat ports: what a chip gets.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;

entity tumord_chain is
  generic (bits_g  : positive := 8;
           lanes_g : positive := 1);                          -- voxels a clock: 1, 2, 4, 8
  port (clk, rst       : in  std_logic;   -- rst: synchronous, active high
        -- Configuration: stays while a slice is inside.
        exact          : in  std_logic;                       -- LINEAR_EXACT
        center         : in  std_logic_vector(23 downto 0);   -- in sixteenths
        width          : in  std_logic_vector(23 downto 0);
        band           : in  std_logic;
        low, high      : in  std_logic_vector(bits_g - 1 downto 0);
        first, second  : in  std_logic_vector(1 downto 0);    -- 0 copy, 1 erode, 2 dilate
        cross          : in  std_logic;
        columns, rows  : in  std_logic_vector(10 downto 0);
        -- AXI4-Stream: lane 0 lies lowest; tuser is (padding of each lane, first of a slice).
        s_axis_tdata   : in  std_logic_vector(24 * lanes_g - 1 downto 0);
        s_axis_tkeep   : in  std_logic_vector(lanes_g - 1 downto 0) := (others => '1');
        s_axis_tuser   : in  std_logic_vector(lanes_g downto 0);
        s_axis_tlast   : in  std_logic;
        s_axis_tvalid  : in  std_logic;
        s_axis_tready  : out std_logic;
        m_axis_tdata   : out std_logic_vector(lanes_g - 1 downto 0);
        m_axis_tkeep   : out std_logic_vector(lanes_g - 1 downto 0);
        m_axis_tuser   : out std_logic;
        m_axis_tlast   : out std_logic;
        m_axis_tvalid  : out std_logic;
        m_axis_tready  : in  std_logic);
end entity;

architecture rtl of tumord_chain is
  signal voxels, grey, mask, result : streams_t(0 to lanes_g - 1);
  signal grey_ready, mask_ready     : std_logic;
  signal window_config     : window_t;
  signal threshold_config  : threshold_t;
  signal morphology_config : morphology_t;
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
      m_axis_tdata(lane) <= result(lane).data(0);
      m_axis_tkeep(lane) <= result(lane).valid;
      last := last or (result(lane).valid and result(lane).last);
    end loop;
    m_axis_tlast <= last;
  end process;
  m_axis_tuser  <= result(0).user;
  m_axis_tvalid <= result(0).valid;

  -- Held, so that the way from the pins is not that of the logic.
  hold : process (clk) is
  begin
    if rising_edge(clk) then
      window_config     <= (exact => exact, sigmoid => '0', center => signed(center), width => unsigned(width));
      threshold_config  <= (band => band, low => signed(resize(unsigned(low), data_bits_c)),
                            high => signed(resize(unsigned(high), data_bits_c)));
      morphology_config <= (first => first, second => second, cross => cross,
                            columns => unsigned(columns), rows => unsigned(rows));
    end if;
  end process;

  window : entity work.tumord_window
    generic map (bits_g => bits_g, lanes_g => lanes_g)
    port map (clk => clk, rst => rst, config => window_config, source => voxels,
              source_ready => s_axis_tready, sink => grey, sink_ready => grey_ready);

  threshold : entity work.tumord_threshold
    generic map (lanes_g => lanes_g)
    port map (clk => clk, rst => rst, config => threshold_config, source => grey,
              source_ready => grey_ready, sink => mask, sink_ready => mask_ready);

  morphology : entity work.tumord_morphology
    generic map (lanes_g => lanes_g)
    port map (clk => clk, rst => rst, config => morphology_config, source => mask,
              source_ready => mask_ready, sink => result, sink_ready => m_axis_tready);
end architecture;
