-- Erosion, dilation, opening and closing: two steps of tumord_morph in a row.
library ieee;
use ieee.std_logic_1164.all;
use work.tumord.all;

entity tumord_morphology is
  port (clk, rst     : in  std_logic;     -- rst: synchronous, active high
        config       : in  morphology_t;  -- stays while a slice is inside
        source       : in  stream_t;      -- data: 0 or 1
        source_ready : out std_logic;
        sink         : out stream_t;
        sink_ready   : in  std_logic);
end entity;

architecture rtl of tumord_morphology is
  signal between       : stream_t;
  signal between_ready : std_logic;
begin
  first : entity work.tumord_morph
    port map (clk => clk, rst => rst, operation => config.first, cross => config.cross,
              columns => config.columns, rows => config.rows,
              source => source, source_ready => source_ready,
              sink => between, sink_ready => between_ready);

  second : entity work.tumord_morph
    port map (clk => clk, rst => rst, operation => config.second, cross => config.cross,
              columns => config.columns, rows => config.rows,
              source => between, source_ready => between_ready,
              sink => sink, sink_ready => sink_ready);
end architecture;
