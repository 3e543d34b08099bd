-- One step of morphology on a mask: erosion or dilation by 3 x 3, or a copy as late as those.
-- Two line buffers; a line, a beat and three clocks of latency; lanes_g voxels a clock in a slice,
-- and the pause of a line and a beat after it, when the last line is still inside.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;

entity tumord_morph is
  generic (lanes_g : positive := 1);      -- voxels a clock: 1, 2, 4, 8
  port (clk, rst      : in  std_logic;    -- rst: synchronous, active high
        operation     : in  morph_t;      -- this and the next three stand a clock before a
                                          -- slice and while it is inside
        cross         : in  std_logic;
        columns, rows : in  count_t;
        source        : in  streams_t(0 to lanes_g - 1);   -- data: 0 or 1; a `user` in mid-slice
        source_ready  : out std_logic;                     -- begins anew
        sink          : out streams_t(0 to lanes_g - 1);
        sink_ready    : in  std_logic);
end entity;

architecture rtl of tumord_morph is
  constant beats_c : positive := max_columns_c / lanes_g;     -- of the longest line
  subtype bits_t is std_logic_vector(lanes_g - 1 downto 0);   -- of a beat; lane 0 is the lowest
  subtype triple_t is std_logic_vector(2 downto 0);   -- of a column: above, middle, below
  subtype two_t is std_logic_vector(2 * lanes_g - 1 downto 0);     -- of the two lines above
  type lines_t is array (0 to beats_c - 1) of two_t;

  -- Where in the slice, and in what follows it until the last line is out.
  type place_t is record
    beat : count_t;
    row  : count_t;
  end record;
  constant origin_c : place_t := ((others => '0'), (others => '0'));

  -- A beat in the three lines.
  type beat_t is record
    above, line, below : bits_t;
  end record;

  signal lines   : lines_t;               -- for each beat of a line
  signal inside  : std_logic := '0';      -- a slice has begun and is not yet out
  signal place   : place_t := origin_c;   -- of the next beat in
  signal flushing, beyond : std_logic := '0';   -- the last line goes out; its last beat
  signal last_beat, last_row : count_t := (others => '0');    -- of the configuration
  signal last_lane : natural range 0 to lanes_g - 1 := 0;     -- of the last beat
  signal take, advance : std_logic;

  signal a_valid : std_logic := '0';
  signal a_bits  : bits_t;
  signal a_place : place_t := origin_c;
  signal a_read, a_written, a_lines : two_t;
  signal a_same  : std_logic;             -- what was read is what was being written
  signal b_valid : std_logic := '0';
  -- Of the beat in the middle, one line and one back: what there is around it.
  signal b_above, b_below, b_left, b_user, b_last : std_logic := '0';
  signal left          : triple_t;        -- the column before the middle
  signal middle, right : beat_t;
  signal held          : streams_t(0 to lanes_g - 1) := (others => stream_idle_c);

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

  function column_of(beat : beat_t; lane : natural) return triple_t is
  begin
    return beat.above(lane) & beat.line(lane) & beat.below(lane);
  end function;
begin
  advance      <= sink_ready or not held(0).valid;
  take         <= advance and (source(0).valid or flushing);
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
        if source(0).user and not flushing then
          here := origin_c;
        end if;
        a_valid <= inside or source(0).user;
        for lane in 0 to lanes_g - 1 loop
          a_bits(lane) <= source(lane).data(0);
        end loop;
        a_place <= here;
        if source(0).user then
          inside <= '1';
        end if;
        place <= (here.beat + 1, here.row);
        if here.beat = last_beat then
          place <= ((others => '0'), here.row + 1);
          beyond <= flushing;
          if here.row = last_row and (inside or source(0).user) = '1' then
            flushing <= '1';
          end if;
        end if;
        if beyond then                    -- a line and a beat are through
          flushing <= '0';
          beyond   <= '0';
          inside   <= '0';
        end if;
      end if;
      last_beat <= resize((columns - 1) / lanes_g, count_t'length);
      last_lane <= to_integer((columns - 1) mod lanes_g);
      last_row  <= rows - 1;
      if rst then
        inside   <= '0';
        flushing <= '0';
        beyond   <= '0';
        a_valid  <= '0';
      end if;
    end if;
  end process;

  -- The line buffer is read a clock ahead; a line of one beat is read while it is written.
  buffers : process (clk) is
    variable here    : natural range 0 to beats_c - 1;
    variable written : two_t;
  begin
    if rising_edge(clk) then
      if advance then
        here := to_integer(place.beat) mod beats_c;
        if source(0).user and not flushing then
          here := 0;
        end if;
        written := a_lines(lanes_g - 1 downto 0) & a_bits;
        a_read    <= lines(here);
        a_written <= written;
        a_same    <= a_valid and to_std(here = to_integer(a_place.beat) mod beats_c);
        if a_valid then
          lines(to_integer(a_place.beat) mod beats_c) <= written;
        end if;
      end if;
    end if;
  end process;

  shift : process (clk) is
    variable behind, ahead : triple_t;
    variable exists_left, exists_right, ends : std_logic;
  begin
    if rising_edge(clk) then
      if advance then
        b_valid <= '0';
        if a_valid then
          left   <= column_of(middle, lanes_g - 1);
          middle <= right;
          right  <= (above => a_lines(2 * lanes_g - 1 downto lanes_g),
                     line => a_lines(lanes_g - 1 downto 0), below => a_bits);
          b_valid <= to_std(a_place.row > 1 or (a_place.row = 1 and a_place.beat > 0));
          -- At beat 0 the middle is the last beat of the line before the last.
          b_last  <= to_std(a_place.beat = 0);
          if a_place.beat > 0 then
            b_left  <= to_std(a_place.beat > 1);
            b_above <= to_std(a_place.row > 1);
            b_below <= to_std(a_place.row <= last_row);
            b_user  <= to_std(a_place.beat = 1 and a_place.row = 1);
          else
            b_left  <= to_std(last_beat /= 0);
            b_above <= to_std(a_place.row > 2);
            b_below <= to_std(a_place.row <= rows);
            b_user  <= to_std(last_beat = 0 and a_place.row = 2);
          end if;
        end if;

        for lane in 0 to lanes_g - 1 loop
          behind := left;
          exists_left := b_left;
          if lane > 0 then
            behind := column_of(middle, maximum(lane, 1) - 1);
            exists_left := '1';
          end if;
          ahead := column_of(right, 0);
          if lane < lanes_g - 1 then
            ahead := column_of(middle, minimum(lane + 1, lanes_g - 1));
          end if;
          ends := b_last and to_std(lane = last_lane);
          exists_right := not ends;
          held(lane)         <= stream_idle_c;
          held(lane).valid   <= b_valid and (not b_last or to_std(lane <= last_lane));
          held(lane).data(0) <= morph(behind, column_of(middle, lane), ahead, b_above, b_below,
                                      exists_left, exists_right, cross, operation);
          held(lane).user    <= b_user and to_std(lane = 0);
          held(lane).last    <= ends;
        end loop;
      end if;
      if rst then
        b_valid <= '0';
        for lane in 0 to lanes_g - 1 loop
          held(lane).valid <= '0';
        end loop;
      end if;
    end if;
  end process;
end architecture;
