-- Area, sum, sum of squares and bounding box of the voxels of a slice that a threshold chooses,
-- while they pass. No clock of latency, one voxel a clock, no pause; the result two clocks after
-- the last voxel.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;

entity tumord_statistics is
  port (clk, rst     : in  std_logic;     -- rst: synchronous, active high
        config       : in  threshold_t;   -- stays while a slice is inside, and so does rows
        rows         : in  count_t;
        source       : in  stream_t;      -- data: 0 to 4095; padding is never chosen
        source_ready : out std_logic;
        sink         : out stream_t;      -- the source
        sink_ready   : in  std_logic;
        done         : out std_logic;     -- for one clock; the result stays until the next
        result       : out statistics_t);
end entity;

architecture rtl of tumord_statistics is
  -- A bit more than 4095 needs: the netlists of ghdl 2.0 lose the top bit of a product.
  subtype grey_t is unsigned(12 downto 0);
  signal column, row : count_t := (others => '0');    -- of the next voxel
  signal take        : std_logic;
  signal a_valid, a_first, a_last, a_chosen : std_logic := '0';
  signal a_grey      : grey_t := (others => '0');
  signal a_column, a_row : count_t := (others => '0');
  signal b_last      : std_logic := '0';
  signal running     : statistics_t;
begin
  take         <= source.valid and sink_ready;
  sink         <= source;
  source_ready <= sink_ready;

  process (clk) is
    variable here_column, here_row : count_t;
    variable sums : statistics_t;
  begin
    if rising_edge(clk) then
      a_valid <= take;
      if take then
        here_column := column;
        here_row    := row;
        if source.user then
          here_column := (others => '0');
          here_row    := (others => '0');
        end if;
        column <= here_column + 1;
        row    <= here_row;
        if source.last then
          column <= (others => '0');
          row    <= here_row + 1;
        end if;
        a_first  <= source.user;
        a_last   <= source.last and to_std(here_row + 1 = rows);
        a_chosen <= chosen(source, config);
        a_grey   <= '0' & unsigned(source.data(11 downto 0));
        a_column <= here_column;
        a_row    <= here_row;
      end if;

      b_last <= '0';
      if a_valid then
        sums := running;
        if a_first then
          sums := statistics_none_c;
        end if;
        if a_chosen then
          if sums.area = 0 then
            sums.row_low := a_row;
          end if;
          sums.area        := sums.area + 1;
          sums.sum         := sums.sum + a_grey;
          sums.squares     := sums.squares + a_grey * a_grey;
          sums.column_low  := minimum(sums.column_low, a_column);
          sums.column_high := maximum(sums.column_high, a_column);
          sums.row_high    := a_row;
        end if;
        running <= sums;
        b_last  <= a_last;
      end if;

      done <= b_last;
      if b_last then
        result <= running;
      end if;
      if rst then
        a_valid <= '0';
        b_last  <= '0';
        done    <= '0';
      end if;
    end if;
  end process;
end architecture;
