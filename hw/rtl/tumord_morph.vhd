-- One step of morphology on a mask: erosion or dilation by 3 x 3, or a copy as late as those.
-- Two line buffers; a line, a voxel and three clocks of latency; one voxel a clock in a slice,
-- and the pause of a line and a voxel after it, when the last line is still inside.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;

entity tumord_morph is
  port (clk, rst      : in  std_logic;    -- rst: synchronous, active high
        operation     : in  morph_t;      -- this and the next three stand a clock before a
                                          -- slice and while it is inside
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
  signal flushing, beyond : std_logic := '0';   -- the last line goes out; its last voxel
  signal last_column, last_row : count_t := (others => '0');    -- of the configuration
  signal take, advance : std_logic;

  signal a_valid : std_logic := '0';
  signal a_bit   : std_logic;
  signal a_place : place_t := origin_c;
  signal a_read, a_written, a_lines : std_logic_vector(1 downto 0);
  signal a_same  : std_logic;             -- what was read is what was being written
  signal b_valid : std_logic := '0';
  -- Of the voxel in the middle, one line and one back: what there is around it.
  signal b_above, b_below, b_left, b_right, b_user, b_last : std_logic := '0';
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

  function morph(left, middle, right : triple_t; above, below, exists_left, exists_right,
                 cross : std_logic; operation : morph_t) return std_logic is
    constant dilate : std_logic := operation(1);
    constant l : triple_t := known(left, exists_left, above, below, dilate);
    constant m : triple_t := known(middle, '1', above, below, dilate);
    constant r : triple_t := known(right, exists_right, above, below, dilate);
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
        if here.column = last_column then
          place <= ((others => '0'), here.row + 1);
          beyond <= flushing;
          if here.row = last_row and (inside or source.user) = '1' then
            flushing <= '1';
          end if;
        end if;
        if beyond then                    -- a line and a voxel are through
          flushing <= '0';
          beyond   <= '0';
          inside   <= '0';
        end if;
      end if;
      last_column <= columns - 1;
      last_row    <= rows - 1;
      if rst then
        inside   <= '0';
        flushing <= '0';
        beyond   <= '0';
        a_valid  <= '0';
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
          -- At column 0 the middle is the last voxel of the line before the last.
          b_right <= to_std(a_place.column > 0);
          b_last  <= to_std(a_place.column = 0);
          if a_place.column > 0 then
            b_left  <= to_std(a_place.column > 1);
            b_above <= to_std(a_place.row > 1);
            b_below <= to_std(a_place.row < rows);
            b_user  <= to_std(a_place.column = 1 and a_place.row = 1);
          else
            b_left  <= to_std(columns > 1);
            b_above <= to_std(a_place.row > 2);
            b_below <= to_std(a_place.row <= rows);
            b_user  <= to_std(columns = 1 and a_place.row = 2);
          end if;
        end if;

        held       <= stream_idle_c;
        held.valid <= b_valid;
        held.data(0) <= morph(left, middle, right, b_above, b_below, b_left, b_right, cross,
                              operation);
        held.user  <= b_user;
        held.last  <= b_last;
      end if;
      if rst then
        b_valid   <= '0';
        held.valid <= '0';
      end if;
    end if;
  end process;
end architecture;
