-- Voxels to a mask: above a threshold, or in a band. One clock of latency, one voxel a clock.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;

entity tumord_threshold is
  port (clk, rst     : in  std_logic;     -- rst: synchronous, active high
        config       : in  threshold_t;   -- stays while a slice is inside
        source       : in  stream_t;
        source_ready : out std_logic;
        sink         : out stream_t;      -- data: 0 or 1; padding becomes 0, and a voxel
        sink_ready   : in  std_logic);
end entity;

architecture rtl of tumord_threshold is
  signal held     : stream_t := stream_idle_c;
  signal advance : std_logic;
begin
  advance      <= sink_ready or not held.valid;
  source_ready <= advance;
  sink         <= held;

  process (clk) is
  begin
    if rising_edge(clk) then
      if advance then
        held      <= source;
        held.pad  <= '0';
        held.data <= (0 => chosen(source, config), others => '0');
      end if;
      if rst then
        held.valid <= '0';
      end if;
    end if;
  end process;
end architecture;
