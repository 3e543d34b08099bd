-- Voxels to a mask: above a threshold, or in a band. One clock of latency, lanes_g voxels a clock.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;

entity tumord_threshold is
  generic (lanes_g : positive := 1);      -- voxels a clock
  port (clk, rst     : in  std_logic;     -- rst: synchronous, active high
        config       : in  threshold_t;   -- stays while a slice is inside
        source       : in  streams_t(0 to lanes_g - 1);
        source_ready : out std_logic;
        sink         : out streams_t(0 to lanes_g - 1);   -- data: 0 or 1; padding becomes 0,
        sink_ready   : in  std_logic);                    -- and a voxel
end entity;

architecture rtl of tumord_threshold is
  signal held    : streams_t(0 to lanes_g - 1) := (others => stream_idle_c);
  signal advance : std_logic;
begin
  advance      <= sink_ready or not held(0).valid;
  source_ready <= advance;
  sink         <= held;

  process (clk) is
  begin
    if rising_edge(clk) then
      if advance then
        for lane in held'range loop
          held(lane)      <= source(lane);
          held(lane).pad  <= '0';
          held(lane).data <= (0 => chosen(source(lane), config), others => '0');
        end loop;
      end if;
      if rst then
        for lane in held'range loop
          held(lane).valid <= '0';
        end loop;
      end if;
    end if;
  end process;
end architecture;
