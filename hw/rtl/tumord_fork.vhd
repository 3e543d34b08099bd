-- One stream to two sinks, each of which takes a voxel when it likes: the source waits for both.
-- No clock of latency, one voxel a clock.
library ieee;
use ieee.std_logic_1164.all;
use work.tumord.all;

entity tumord_fork is
  port (clk, rst     : in  std_logic;     -- rst: synchronous, active high
        source       : in  stream_t;
        source_ready : out std_logic;
        one          : out stream_t;
        one_ready    : in  std_logic;
        other        : out stream_t;
        other_ready  : in  std_logic);
end entity;

architecture rtl of tumord_fork is
  signal one_has, other_has : std_logic := '0';    -- the voxel that still waits for the other
  signal ready              : std_logic;
begin
  ready        <= (one_has or one_ready) and (other_has or other_ready);
  source_ready <= ready;

  forward : process (all) is
  begin
    one         <= source;
    one.valid   <= source.valid and not one_has;
    other       <= source;
    other.valid <= source.valid and not other_has;
  end process;

  remember : process (clk) is
  begin
    if rising_edge(clk) then
      one_has   <= source.valid and not ready and (one_has or one_ready);
      other_has <= source.valid and not ready and (other_has or other_ready);
      if rst then
        one_has   <= '0';
        other_has <= '0';
      end if;
    end if;
  end process;
end architecture;
