-- One step of morphology on a mask: erosion or dilation by 3 x 3, or a copy as late as those.
-- Two line buffers; a line, a voxel and three clocks of latency; one voxel a clock in a slice,
-- and the pause of a line and a voxel after it, when the last line is still inside.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;

entity tumord_morph is
  port (clk, rst      : in  std_logic;    -- rst: synchronous, active high
        operation     : in  morph_t;      -- this and the next stay while a slice is inside
        cross         : in  std_logic;
        columns, rows : in  count_t;
        source        : in  stream_t;     -- data: 0 or 1; a `user` in mid-slice begins anew
        source_ready  : out std_logic;
        sink          : out stream_t;
        sink_ready    : in  std_logic);
end entity;

architecture rtl of tumord_morph is
  subtype triple_t is std_logic_vector(2 downto 0);   -- of a column: above, middle, below
  type lines_t is array (0 to max_columns_c - 1) of std_logic_vector(1 downto 0);

  -- Where in the slice, and in what follows it until the last line is out.
  type place_t is record
    column : count_t;
    row    : count_t;
  end record;
  constant origin_c : place_t := ((others => '0'), (others => '0'));

  signal lines   : lines_t;               -- of the two lines above, for each column
  signal inside  : std_logic := '0';      -- a slice has begun and is not yet out
  signal place   : place_t := origin_c;   -- of the next voxel in
  signal flushing, take, advance : std_logic;

  signal a_valid : std_logic := '0';
  signal a_bit   : std_logic;
  signal a_place : place_t := origin_c;
  signal a_read, a_written, a_lines : std_logic_vector(1 downto 0);
  signal a_same  : std_logic;             -- what was read is what was being written
  signal b_valid : std_logic := '0';
  signal b_place : place_t := origin_c;   -- of the voxel in the middle, one line and one back
  signal left, middle, right : triple_t;
  signal held     : stream_t := stream_idle_c;

  -- What does not exist changes nothing.
  function known(bit, exists, dilate : std_logic) return std_logic is
  begin
    if exists then
      return bit;
    end if;
    return not dilate;
  end function;

  function known(column : triple_t; exists, above, below, dilate : std_logic) return triple_t is
  begin
    return known(column(2), exists and above, dilate) & known(column(1), exists, dilate)
           & known(column(0), exists and below, dilate);
  end function;

  function combine(bits : std_logic_vector; dilate : std_logic) return std_logic is
  begin
    if dilate then
      return or bits;
    end if;
    return and bits;
  end function;

  function morph(left, middle, right : triple_t; place : place_t; columns, rows : count_t;
                 operation : morph_t; cross : std_logic) return std_logic is
    constant dilate : std_logic := to_std(operation = morph_dilate_c);
    constant above  : std_logic := to_std(place.row > 0);
    constant below  : std_logic := to_std(place.row + 1 < rows);
    constant l : triple_t := known(left, to_std(place.column > 0), above, below, dilate);
    constant m : triple_t := known(middle, '1', above, below, dilate);
    constant r : triple_t :=
      known(right, to_std(place.column + 1 < columns), above, below, dilate);
  begin
    if operation = morph_copy_c then
      return middle(1);
    elsif cross = '1' then
      return combine(m & l(1) & r(1), dilate);
    end if;
    return combine(l & m & r, dilate);
  end function;
begin
  advance      <= sink_ready or not held.valid;
  flushing     <= inside and to_std(place.row >= rows);
  take         <= advance and (source.valid or flushing);
  source_ready <= advance and not flushing;
  sink         <= held;
  a_lines      <= a_written when a_same else a_read;

  count : process (clk) is
    variable here : place_t;
  begin
    if rising_edge(clk) then
      if advance then
        a_valid <= '0';
      end if;
      if take then
        here := place;
        if source.user and not flushing then
          here := origin_c;
        end if;
        a_valid <= inside or source.user;
        a_bit   <= source.data(0);
        a_place <= here;
        if source.user then
          inside <= '1';
        end if;
        place <= (here.column + 1, here.row);
        if here.column + 1 = columns then
          place <= ((others => '0'), here.row + 1);
        end if;
        if flushing = '1' and here.row > rows then      -- a line and a voxel
          inside <= '0';
        end if;
      end if;
      if rst then
        inside  <= '0';
        a_valid <= '0';
      end if;
    end if;
  end process;

  -- The line buffer is read a clock ahead; a line of one voxel is read while it is written.
  buffers : process (clk) is
    variable here    : unsigned(9 downto 0);
    variable written : std_logic_vector(1 downto 0);
  begin
    if rising_edge(clk) then
      if advance then
        here := place.column(9 downto 0);
        if source.user and not flushing then
          here := (others => '0');
        end if;
        written := a_lines(0) & a_bit;
        a_read    <= lines(to_integer(here));
        a_written <= written;
        a_same    <= a_valid and to_std(here = a_place.column(9 downto 0));
        if a_valid then
          lines(to_integer(a_place.column(9 downto 0))) <= written;
        end if;
      end if;
    end if;
  end process;

  shift : process (clk) is
  begin
    if rising_edge(clk) then
      if advance then
        b_valid <= '0';
        if a_valid then
          left   <= middle;
          middle <= right;
          right  <= a_lines & a_bit;
          b_valid <= to_std(a_place.row > 1 or (a_place.row = 1 and a_place.column > 0));
          if a_place.column > 0 then
            b_place <= (a_place.column - 1, a_place.row - 1);
          else
            b_place <= (columns - 1, a_place.row - 2);
          end if;
        end if;

        held       <= stream_idle_c;
        held.valid <= b_valid;
        held.data(0) <= morph(left, middle, right, b_place, columns, rows, operation, cross);
        held.user  <= to_std(b_place.row = 0 and b_place.column = 0);
        held.last  <= to_std(b_place.column + 1 = columns);
      end if;
      if rst then
        b_valid   <= '0';
        held.valid <= '0';
      end if;
    end if;
  end process;
end architecture;
