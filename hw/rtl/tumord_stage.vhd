-- A stage that cuts the way of ready: it hangs on a register, and not on the sink. A spare register
-- takes what comes while the sink says no. One clock of latency, lanes_g voxels a clock.
library ieee;
use ieee.std_logic_1164.all;
use work.tumord.all;

entity tumord_stage is
  generic (lanes_g : positive := 1);      -- voxels a clock
  port (clk, rst     : in  std_logic;     -- rst: synchronous, active high
        source       : in  streams_t(0 to lanes_g - 1);
        source_ready : out std_logic;
        sink         : out streams_t(0 to lanes_g - 1);
        sink_ready   : in  std_logic;
        spare        : out streams_t(0 to lanes_g - 1));  -- comes after the sink; for a proof
end entity;

architecture rtl of tumord_stage is
  signal held, kept : streams_t(0 to lanes_g - 1) := (others => stream_idle_c);
begin
  source_ready <= not kept(0).valid;
  sink         <= held;
  spare        <= kept;

  process (clk) is
  begin
    if rising_edge(clk) then
      if sink_ready = '1' or held(0).valid = '0' then
        held <= source;
        if kept(0).valid then
          held <= kept;
        end if;
        for lane in kept'range loop
          kept(lane).valid <= '0';
        end loop;
      elsif not kept(0).valid then
        kept <= source;
      end if;
      if rst then
        for lane in held'range loop
          held(lane).valid <= '0';
          kept(lane).valid <= '0';
        end loop;
      end if;
    end if;
  end process;
end architecture;
