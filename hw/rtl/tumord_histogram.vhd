-- Counts the voxels of each slice in 256 bins while they pass, and then gives the bins out, from
-- 0 to 255, while the next slice is counted in a second bank. No clock of latency, one voxel a
-- clock; a pause of two clocks after a slice, or until the slice before has been read.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;

entity tumord_histogram is
  port (clk, rst     : in  std_logic;     -- rst: synchronous, active high; then 256 clocks to clear
        rows         : in  count_t;       -- stays while a slice is inside
        source       : in  stream_t;      -- data: 0 to 255; padding is not counted
        source_ready : out std_logic;
        sink         : out stream_t;      -- the source
        sink_ready   : in  std_logic;
        bin          : out bin_t;         -- moves as a voxel does
        bin_ready    : in  std_logic;
        busy         : out std_logic);    -- a slice is ending, or its bins are not all out
end entity;

architecture rtl of tumord_histogram is
  type bank_t is array (0 to 255) of total_t;
  subtype address_t is unsigned(7 downto 0);
  signal bank_0, bank_1 : bank_t;
  signal read_0, read_1 : total_t;
  signal counting       : std_logic := '0';      -- which bank
  signal clearing       : std_logic := '1';
  signal ending, inside : std_logic := '0';
  signal scanning, bin_known : std_logic := '0';
  signal clear_at, scan_at   : address_t := (others => '0');
  signal lines          : count_t := (others => '0');
  signal total, scan_total : total_t := (others => '0');
  signal sum, scan_sum  : unsigned(27 downto 0) := (others => '0');

  signal a_valid, b_valid : std_logic := '0';
  signal a_bin, b_bin     : address_t := (others => '0');
  signal b_count, a_count : total_t;
  signal restart, blocked, take, scanned : std_logic;
begin
  -- A `user` in mid-slice: what was counted goes, and the voxel waits for it.
  restart      <= source.valid and source.user and inside;
  blocked      <= clearing or ending or restart;
  take         <= source.valid and sink_ready and not blocked;
  source_ready <= sink_ready and not blocked;
  busy         <= ending or scanning or a_valid or clearing;
  scanned      <= bin_known and bin_ready;
  a_count      <= b_count + 1 when b_valid = '1' and b_bin = a_bin else
                  read_0 + 1  when counting = '0' else read_1 + 1;

  pass : process (all) is
  begin
    sink       <= source;
    sink.valid <= source.valid and not blocked;
    bin.valid  <= bin_known;
    bin.count  <= read_1 when counting = '0' else read_0;
    bin.total  <= scan_total;
    bin.sum    <= scan_sum;
    bin.last   <= to_std(scan_at = 255);
  end process;

  control : process (clk) is
  begin
    if rising_edge(clk) then
      a_valid <= take and not source.pad;
      a_bin   <= unsigned(source.data(7 downto 0));
      b_valid <= a_valid;
      b_bin   <= a_bin;
      b_count <= a_count;

      if take then
        inside <= '1';
        if not source.pad then
          total <= total + 1;
          sum   <= sum + unsigned(source.data(7 downto 0));
        end if;
        if source.last then
          lines <= lines + 1;
          if lines + 1 = rows then
            ending <= '1';
            inside <= '0';
          end if;
        end if;
      end if;

      if ending = '1' and a_valid = '0' and scanning = '0' then
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

      bin_known <= scanning and not scanned;
      if scanned then
        scan_at <= scan_at + 1;
        if scan_at = 255 then
          scanning  <= '0';
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
        bin_known <= '0';
        a_valid   <= '0';
        b_valid   <= '0';
      end if;
    end if;
  end process;

  -- Each bank has one port to read and one to write; what has been read out becomes 0.
  banks : process (clk) is
    variable at_0, at_1, to_0, to_1 : address_t;
    variable write_0, write_1 : std_logic;
    variable new_0, new_1     : total_t;
  begin
    if rising_edge(clk) then
      at_0 := unsigned(source.data(7 downto 0)) when counting = '0' else scan_at;
      at_1 := unsigned(source.data(7 downto 0)) when counting = '1' else scan_at;
      read_0 <= bank_0(to_integer(at_0));
      read_1 <= bank_1(to_integer(at_1));
      to_0 := scan_at;  write_0 := scanned;  new_0 := (others => '0');
      to_1 := scan_at;  write_1 := scanned;  new_1 := (others => '0');
      if counting = '0' then
        to_0 := a_bin;  write_0 := a_valid;  new_0 := a_count;
      else
        to_1 := a_bin;  write_1 := a_valid;  new_1 := a_count;
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
end architecture;
