-- Counts the voxels of each slice in 256 bins while they pass, and then gives the bins out, from
-- 0 to 255, while the next slice is counted in a second bank. No clock of latency, lanes_g voxels
-- a clock, each lane in banks of its own; a pause of three clocks after a slice, or until the
-- slice before has been read.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;

entity tumord_histogram is
  generic (bits_g  : positive := 8;       -- of the voxels: the upper 8 of them are the bin
           lanes_g : positive := 1);      -- voxels a clock
  port (clk, rst     : in  std_logic;     -- rst: synchronous, active high; then 256 clocks to clear
        rows         : in  count_t;       -- stays while a slice is inside
        source       : in  streams_t(0 to lanes_g - 1);   -- padding is not counted
        source_ready : out std_logic;
        sink         : out streams_t(0 to lanes_g - 1);   -- the source
        sink_ready   : in  std_logic;
        bin          : out bin_t;         -- moves as a voxel does
        bin_ready    : in  std_logic;
        busy         : out std_logic;     -- a slice is ending, or its bins are not all out
        stops        : out std_logic);    -- it takes no voxel, whatever the sink says
end entity;

architecture rtl of tumord_histogram is
  type bank_t is array (0 to 255) of total_t;
  subtype address_t is unsigned(7 downto 0);
  type totals_t is array (0 to lanes_g - 1) of total_t;
  type addresses_t is array (0 to lanes_g - 1) of address_t;
  signal read_0, read_1 : totals_t;              -- of each lane
  signal counting       : std_logic := '0';      -- which bank
  signal clearing       : std_logic := '1';
  signal ending, inside : std_logic := '0';
  signal scanning, reading, bin_known : std_logic := '0';
  signal clear_at, scan_at   : address_t := (others => '0');
  signal lines          : count_t := (others => '0');
  signal bin_count      : total_t;
  signal total, scan_total : total_t := (others => '0');
  signal sum, scan_sum  : unsigned(27 downto 0) := (others => '0');

  signal a_beat   : std_logic := '0';            -- a beat was taken: its lanes that count
  signal a_valid  : std_logic_vector(0 to lanes_g - 1) := (others => '0');
  signal here, a_bin : addresses_t := (others => (others => '0'));
  signal restart, blocked, take, scanned, ends : std_logic;
begin
  -- A `user` in mid-slice: what was counted goes, and the voxel waits for it.
  restart      <= source(0).valid and source(0).user and inside;
  blocked      <= clearing or ending or restart;
  take         <= source(0).valid and sink_ready and not blocked;
  source_ready <= sink_ready and not blocked;
  busy         <= ending or scanning or a_beat or clearing;
  scanned      <= bin_known and bin_ready;
  stops        <= blocked;

  pass : process (all) is
    variable any : std_logic;
  begin
    any := '0';
    for lane in 0 to lanes_g - 1 loop
      sink(lane)       <= source(lane);
      sink(lane).valid <= source(lane).valid and not blocked;
      here(lane)       <= unsigned(source(lane).data(bits_g - 1 downto bits_g - 8));
      any := any or (source(lane).valid and source(lane).last);
    end loop;
    ends      <= any;
    bin.valid <= bin_known;
    bin.count <= bin_count;
    bin.total <= scan_total;
    bin.sum   <= scan_sum;
    bin.last  <= to_std(scan_at = 255);
  end process;

  control : process (clk) is
    variable beat_count : unsigned(3 downto 0);
    variable beat_sum   : unsigned(10 downto 0);
    variable of_bin     : total_t;
  begin
    if rising_edge(clk) then
      a_beat <= take;
      a_bin  <= here;
      for lane in 0 to lanes_g - 1 loop
        a_valid(lane) <= take and source(lane).valid and not source(lane).pad;
      end loop;

      beat_count := (others => '0');
      beat_sum   := (others => '0');
      for lane in 0 to lanes_g - 1 loop
        if a_valid(lane) then
          beat_count := beat_count + 1;
          beat_sum   := beat_sum + a_bin(lane);
        end if;
      end loop;
      total <= total + beat_count;
      sum   <= sum + beat_sum;

      if take then
        inside <= '1';
        if ends then
          lines <= lines + 1;
          if lines + 1 = rows then
            ending <= '1';
            inside <= '0';
          end if;
        end if;
      end if;

      if ending = '1' and a_beat = '0' and scanning = '0' then
        ending     <= '0';
        counting   <= not counting;
        scanning   <= '1';
        scan_at    <= (others => '0');
        scan_total <= total;
        scan_sum   <= sum;
        total      <= (others => '0');
        sum        <= (others => '0');
        lines      <= (others => '0');
      end if;

      -- The banks are read, then the lanes are added up.
      reading   <= scanning and not scanned;
      bin_known <= reading and scanning and not scanned;
      of_bin    := (others => '0');
      for lane in 0 to lanes_g - 1 loop
        if counting = '0' then
          of_bin := of_bin + read_1(lane);
        else
          of_bin := of_bin + read_0(lane);
        end if;
      end loop;
      bin_count <= of_bin;
      if scanned then
        scan_at <= scan_at + 1;
        if scan_at = 255 then
          scanning <= '0';
        end if;
      end if;

      if clearing then
        clear_at <= clear_at + 1;
        if clear_at = 255 then
          clearing <= '0';
        end if;
      end if;
      -- Only when nobody reads: the other bank is cleared too.
      if rst = '1' or (restart = '1' and clearing = '0' and scanning = '0') then
        clearing <= '1';
        clear_at <= (others => '0');
        inside   <= '0';
        total    <= (others => '0');
        sum      <= (others => '0');
        lines    <= (others => '0');
      end if;
      if rst then
        ending    <= '0';
        scanning  <= '0';
        reading   <= '0';
        bin_known <= '0';
        a_beat    <= '0';
        a_valid   <= (others => '0');
      end if;
    end if;
  end process;

  -- Each bank has one port to read and one to write; what has been read out becomes 0.
  lanes : for lane in 0 to lanes_g - 1 generate
    signal bank_0, bank_1   : bank_t;
    signal a_count, b_count : total_t;
    signal b_valid : std_logic := '0';
    signal b_bin   : address_t := (others => '0');
  begin
    a_count <= b_count + 1 when b_valid = '1' and b_bin = a_bin(lane) else
               read_0(lane) + 1 when counting = '0' else read_1(lane) + 1;

    process (clk) is
      variable at_0, at_1, to_0, to_1 : address_t;
      variable write_0, write_1 : std_logic;
      variable new_0, new_1     : total_t;
    begin
      if rising_edge(clk) then
        b_valid <= a_valid(lane) and not rst;
        b_bin   <= a_bin(lane);
        b_count <= a_count;
        at_0 := here(lane) when counting = '0' else scan_at;
        at_1 := here(lane) when counting = '1' else scan_at;
        read_0(lane) <= bank_0(to_integer(at_0));
        read_1(lane) <= bank_1(to_integer(at_1));
        to_0 := scan_at;  write_0 := scanned;  new_0 := (others => '0');
        to_1 := scan_at;  write_1 := scanned;  new_1 := (others => '0');
        if counting = '0' then
          to_0 := a_bin(lane);  write_0 := a_valid(lane);  new_0 := a_count;
        else
          to_1 := a_bin(lane);  write_1 := a_valid(lane);  new_1 := a_count;
        end if;
        if clearing then
          to_0 := clear_at;  write_0 := '1';  new_0 := (others => '0');
          to_1 := clear_at;  write_1 := '1';  new_1 := (others => '0');
        end if;
        if write_0 then
          bank_0(to_integer(to_0)) <= new_0;
        end if;
        if write_1 then
          bank_1(to_integer(to_1)) <= new_1;
        end if;
      end if;
    end process;
  end generate;
end architecture;
