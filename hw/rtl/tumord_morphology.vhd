-- Erosion, dilation, opening and closing: two steps in a row, each of one tumord_morph for 3 x 3,
-- and of two for 5 x 5, which is 3 x 3 twice (and the cross twice a rhombus), at the borders too.
library ieee;
use ieee.std_logic_1164.all;
use work.tumord.all;

entity tumord_morphology is
  generic (size_g  : positive := 3;       -- 3 or 5
           lanes_g : positive := 1);      -- voxels a clock: 1, 2, 4, 8
  port (clk, rst     : in  std_logic;     -- rst: synchronous, active high
        config       : in  morphology_t;  -- stays while a slice is inside
        source       : in  streams_t(0 to lanes_g - 1);   -- data: 0 or 1
        source_ready : out std_logic;
        sink         : out streams_t(0 to lanes_g - 1);
        sink_ready   : in  std_logic);
end entity;

architecture rtl of tumord_morphology is
  constant reach_c : positive := size_g / 2;
  type beats_t is array (0 to 2 * reach_c) of streams_t(0 to lanes_g - 1);
  signal beat  : beats_t;
  signal ready : std_logic_vector(0 to 2 * reach_c);
begin
  beat(0)             <= source;
  source_ready        <= ready(0);
  sink                <= beat(2 * reach_c);
  ready(2 * reach_c)  <= sink_ready;

  steps : for n in 0 to 2 * reach_c - 1 generate
    signal operation : morph_t;
  begin
    operation <= config.first when n < reach_c else config.second;

    step : entity work.tumord_morph
      generic map (lanes_g => lanes_g)
      port map (clk => clk, rst => rst, operation => operation, cross => config.cross,
                columns => config.columns, rows => config.rows,
                source => beat(n), source_ready => ready(n),
                sink => beat(n + 1), sink_ready => ready(n + 1));
  end generate;
end architecture;
