-- One stream through several windows at once, an organ's each: windows_g of tumord_window side by
-- side, which all take the same beat in the same clock and give their results so. Latency as there.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;

entity tumord_windows is
  generic (windows_g : positive := 2;     -- 1 to 4
           bits_g    : positive := 8;     -- the next three as in tumord_window
           lanes_g   : positive := 1;
           sigmoid_g : boolean := false);
  port (clk, rst     : in  std_logic;     -- rst: synchronous, active high
        config       : in  windows_t(0 to windows_g - 1);
        table        : in  tables_t(0 to windows_g - 1) := (others => table_idle_c);
        source       : in  streams_t(0 to lanes_g - 1);
        source_ready : out std_logic;
        -- Window w's lanes are w * lanes_g to w * lanes_g + lanes_g - 1; one ready is for all.
        sink         : out streams_t(0 to windows_g * lanes_g - 1);
        sink_ready   : in  std_logic);
end entity;

architecture rtl of tumord_windows is
  signal ready : std_logic_vector(0 to windows_g - 1);
begin
  source_ready <= ready(0);

  windows : for n in 0 to windows_g - 1 generate
    window : entity work.tumord_window
      generic map (bits_g => bits_g, lanes_g => lanes_g, sigmoid_g => sigmoid_g)
      port map (clk => clk, rst => rst, config => config(n), table => table(n), source => source,
                source_ready => ready(n), sink => sink(n * lanes_g to (n + 1) * lanes_g - 1),
                sink_ready => sink_ready);
  end generate;
end architecture;
