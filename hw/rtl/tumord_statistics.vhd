-- Area, sum, sum of squares and bounding box of the voxels of a slice that a threshold chooses,
-- while they pass. No clock of latency, lanes_g voxels a clock, no pause; the result five clocks
-- after the last voxel.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;

entity tumord_statistics is
  generic (lanes_g : positive := 1);      -- voxels a clock
  port (clk, rst     : in  std_logic;     -- rst: synchronous, active high
        config       : in  threshold_t;   -- stays while a slice is inside, and so does rows
        rows         : in  count_t;
        source       : in  streams_t(0 to lanes_g - 1);   -- data: 0 to 4095; padding is never chosen
        source_ready : out std_logic;
        sink         : out streams_t(0 to lanes_g - 1);   -- the source
        sink_ready   : in  std_logic;
        done         : out std_logic;     -- for one clock; the result stays until the next
        result       : out statistics_t);
end entity;

architecture rtl of tumord_statistics is
  -- A bit more than 4095 needs: the netlists of ghdl 2.0 lose the top bit of a product.
  subtype grey_t is unsigned(12 downto 0);
  type greys_t is array (0 to lanes_g - 1) of grey_t;
  type squares_t is array (0 to lanes_g - 1) of unsigned(25 downto 0);

  -- Where a beat stands, and what it is in the slice.
  type place_t is record
    valid, first, last : std_logic;
    column, row        : count_t;         -- of lane 0
  end record;
  type places_t is array (natural range <>) of place_t;
  signal column, row : count_t := (others => '0');    -- of the next voxel
  signal place       : places_t(1 to 3) := (others => ('0', '0', '0', (others => '0'), (others => '0')));
  signal a_chosen, b_chosen : std_logic_vector(0 to lanes_g - 1);
  signal a_grey, b_grey     : greys_t;
  signal b_square           : squares_t;
  -- Of one beat, all lanes together.
  signal beat_area    : unsigned(3 downto 0);
  signal beat_sum     : unsigned(15 downto 0);
  signal beat_squares : unsigned(28 downto 0);
  signal beat_low, beat_high : count_t;
  signal running      : statistics_t;
  signal ended        : std_logic := '0';
begin
  sink         <= source;
  source_ready <= sink_ready;

  beats : process (clk) is
    variable here_column, here_row : count_t;
    variable ends    : std_logic;
    variable area    : unsigned(3 downto 0);
    variable sum     : unsigned(15 downto 0);
    variable squares : unsigned(28 downto 0);
  begin
    if rising_edge(clk) then
      place(1).valid <= source(0).valid and sink_ready;
      if source(0).valid and sink_ready then
        here_column := column;
        here_row    := row;
        if source(0).user then
          here_column := (others => '0');
          here_row    := (others => '0');
        end if;
        ends := '0';
        for lane in 0 to lanes_g - 1 loop
          ends := ends or (source(lane).valid and source(lane).last);
          a_chosen(lane) <= source(lane).valid and chosen(source(lane), config);
          a_grey(lane)   <= '0' & unsigned(source(lane).data(11 downto 0));
        end loop;
        column <= here_column + lanes_g;
        row    <= here_row;
        if ends then
          column <= (others => '0');
          row    <= here_row + 1;
        end if;
        place(1).first  <= source(0).user;
        place(1).last   <= ends and to_std(here_row + 1 = rows);
        place(1).column <= here_column;
        place(1).row    <= here_row;
      end if;

      place(2 to 3) <= place(1 to 2);
      b_chosen <= a_chosen;
      b_grey   <= a_grey;
      for lane in 0 to lanes_g - 1 loop
        b_square(lane) <= a_grey(lane) * a_grey(lane);
      end loop;

      area    := (others => '0');
      sum     := (others => '0');
      squares := (others => '0');
      for lane in 0 to lanes_g - 1 loop
        if b_chosen(lane) then
          area    := area + 1;
          sum     := sum + b_grey(lane);
          squares := squares + b_square(lane);
          beat_high <= place(2).column + lane;
        end if;
      end loop;
      for lane in lanes_g - 1 downto 0 loop
        if b_chosen(lane) then
          beat_low <= place(2).column + lane;
        end if;
      end loop;
      beat_area    <= area;
      beat_sum     <= sum;
      beat_squares <= squares;
      if rst then
        for stage in place'range loop
          place(stage).valid <= '0';
        end loop;
      end if;
    end if;
  end process;

  slices : process (clk) is
    variable sums : statistics_t;
  begin
    if rising_edge(clk) then
      ended <= '0';
      if place(3).valid then
        sums := running;
        if place(3).first then
          sums := statistics_none_c;
        end if;
        if beat_area /= 0 then
          if sums.area = 0 then
            sums.row_low := place(3).row;
          end if;
          sums.area        := sums.area + beat_area;
          sums.sum         := sums.sum + beat_sum;
          sums.squares     := sums.squares + beat_squares;
          sums.column_low  := minimum(sums.column_low, beat_low);
          sums.column_high := maximum(sums.column_high, beat_high);
          sums.row_high    := place(3).row;
        end if;
        running <= sums;
        ended   <= place(3).last;
      end if;

      done <= ended;
      if ended then
        result <= running;
      end if;
      if rst then
        ended <= '0';
        done  <= '0';
      end if;
    end if;
  end process;
end architecture;
