-- Connected components of a mask in one pass, while it passes: area and box of each. No clock of
-- latency, one voxel a clock; after a slice a pause of 4 clocks a name given and 10 more, while
-- they come out, the last one first.
--
-- A line buffer keeps the names of the line above. A table of registers, always flat, says which
-- name means which component; where two meet, every entry with the larger one changes in one
-- clock. Areas and boxes lie in a RAM and are added up by runs. A name that was given is not
-- given again in a slice; a voxel without a named neighbour for which no name is left joins
-- nothing, and is counted.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;

entity tumord_components is
  generic (labels_g  : positive := 255;   -- names of the table, 1 to 255
           corners_g : boolean  := true); -- 8 neighbours, else 4
  port (clk, rst      : in  std_logic;    -- rst: synchronous, active high; then 256 clocks to clear
        columns, rows : in  count_t;      -- stay while a slice is inside
        source        : in  stream_t;     -- data: 0 or 1
        source_ready  : out std_logic;
        sink          : out stream_t;     -- the source
        sink_ready    : in  std_logic;
        known         : out std_logic;    -- a component, for one clock
        part          : out component_t;
        done          : out std_logic;    -- for one clock; what follows stays until the next
        count         : out unsigned(7 downto 0);
        lost          : out total_t;      -- voxels without a name: the table was too small
        busy          : out std_logic);   -- between a slice and its `done`, and while it clears
end entity;

architecture rtl of tumord_components is
  subtype label_t is unsigned(7 downto 0);         -- 0: the background
  type labels_t is array (natural range <>) of label_t;
  type lines_t is array (0 to max_columns_c - 1) of label_t;
  subtype packed_t is std_logic_vector(21 + 4 * 11 - 1 downto 0);
  type parts_t is array (0 to 255) of packed_t;
  type state_t is (clear, pass, flush, fetch, look, join, write, finish);
  constant none_c : label_t := (others => '0');
  constant flush_c : positive := 5;                -- clocks until the last run is in the RAM

  -- What happens to names: `gone` becomes `kept`.
  type union_t is record
    gone, kept : label_t;
    valid      : std_logic;
  end record;

  -- Where a voxel is: in its line's first or last column, in the first line.
  type place_t is record
    valid, bit, first, last, top : std_logic;
    column, row : count_t;
  end record;
  constant nowhere_c : place_t := ('0', '0', '0', '0', '0', (others => '0'), (others => '0'));

  signal state  : state_t := clear;
  signal names  : lines_t;                         -- of the line above
  signal root   : labels_t(1 to labels_g);
  signal parts  : parts_t;
  signal inside : std_logic := '0';
  signal restart, blocked, take, shift : std_logic;
  signal column, row : count_t := (others => '0'); -- of the next voxel
  signal clear_at    : unsigned(7 downto 0) := (others => '0');
  signal flushed     : natural range 0 to flush_c := 0;

  -- a is taken, and the name above it and one to the right is read; b gets a name.
  signal a, b      : place_t := nowhere_c;
  signal read_name : label_t := none_c;
  signal found     : label_t;                      -- the root of read_name, or of scan
  signal left, corner, above, right : label_t := none_c;   -- around b, as roots
  signal last_union : union_t := (none_c, none_c, '0');
  signal next_label : unsigned(8 downto 0) := to_unsigned(1, 9);
  signal lost_here  : total_t := (others => '0');
  signal run_first  : count_t := (others => '0');

  -- Runs on their way to the RAM of parts; e is what was written last.
  signal c_valid, d_valid, e_valid : std_logic := '0';
  signal c_label, d_label, e_label : label_t := none_c;
  signal c_part, d_part, e_part    : component_t := component_none_c;
  signal read_part  : packed_t;
  signal scan       : label_t := none_c;
  signal counted    : unsigned(7 downto 0) := (others => '0');

  function pack(from : component_t) return packed_t is
  begin
    return std_logic_vector(unsigned'(from.area & from.column_low & from.column_high
                                      & from.row_low & from.row_high));
  end function;

  function unpack(bits : packed_t) return component_t is
    constant value : unsigned(packed_t'range) := unsigned(bits);
  begin
    return (area => value(64 downto 44), column_low => value(43 downto 33),
            column_high => value(32 downto 22), row_low => value(21 downto 11),
            row_high => value(10 downto 0));
  end function;

  function sum(one, other : component_t) return component_t is
  begin
    if one.area = 0 then
      return other;
    end if;
    return (area => one.area + other.area,
            column_low  => minimum(one.column_low, other.column_low),
            column_high => maximum(one.column_high, other.column_high),
            row_low     => minimum(one.row_low, other.row_low),
            row_high    => maximum(one.row_high, other.row_high));
  end function;

  function renamed(name : label_t; by : union_t) return label_t is
  begin
    if by.valid = '1' and name = by.gone then
      return by.kept;
    end if;
    return name;
  end function;

  function where(condition : std_logic; name : label_t) return label_t is
  begin
    if condition then
      return name;
    end if;
    return none_c;
  end function;

  -- Two names of neighbours, of which either may be none. The smaller one is kept.
  function union(one, other : label_t) return union_t is
  begin
    if one = none_c or (other /= none_c and other < one) then
      return (gone => one, kept => other, valid => to_std(one /= none_c));
    end if;
    return (gone => other, kept => one, valid => to_std(other /= none_c and other /= one));
  end function;
begin
  -- A `user` in mid-slice: what was gathered goes, and the voxel waits for it.
  restart      <= source.valid and source.user and inside;
  blocked      <= to_std(state /= pass) or restart;
  take         <= source.valid and sink_ready and not blocked;
  shift        <= take or to_std(state = flush);
  source_ready <= sink_ready and not blocked;
  busy         <= to_std(state /= pass);

  forward : process (all) is
  begin
    sink       <= source;
    sink.valid <= source.valid and not blocked;
  end process;

  lookup : process (all) is
    variable asked, name : label_t;
  begin
    asked := read_name;
    if state = look then
      asked := scan;
    end if;
    name  := none_c;
    for number in root'range loop
      if asked = number then
        name := name or root(number);
      end if;
    end loop;
    found <= renamed(name, last_union);
  end process;

  control : process (clk) is
  begin
    if rising_edge(clk) then
      done  <= '0';
      known <= '0';
      -- Not a case: ghdl 2.0 writes one to Verilog without its default.
      if state = clear then
        clear_at <= clear_at + 1;
        if clear_at = 255 then
          state <= pass;
        end if;
      elsif state = pass then
        flushed <= 0;
        counted <= (others => '0');
        if take then
          inside <= '1';
        end if;
        if take = '1' and source.last = '1'
           and ((source.user = '1' and rows = 1) or (source.user = '0' and row + 1 = rows)) then
          inside <= '0';
          state  <= flush;
        end if;
        if restart then
          inside   <= '0';
          clear_at <= (others => '0');
          state    <= clear;
        end if;
      elsif state = flush then
        flushed <= flushed + 1;
        if flushed = flush_c - 1 then
          scan  <= next_label(7 downto 0) - 1;
          state <= finish when next_label = 1 else fetch;
        end if;
      elsif state = fetch then
        state <= look;
      elsif state = look then
        state <= join;
        if found = scan then
          known     <= '1';
          part      <= unpack(read_part);
          counted   <= counted + 1;
          scan      <= scan - 1;
          state     <= finish when scan = 1 else fetch;
        end if;
      elsif state = join then
        state <= write;
      elsif state = write then              -- a root is smaller: this was not the last
        scan  <= scan - 1;
        state <= fetch;
      else
        done     <= '1';
        count    <= counted;
        lost     <= lost_here;
        clear_at <= (others => '1');        -- the RAM is clear, the names not yet
        state    <= clear;
      end if;
      if rst then
        inside   <= '0';
        done     <= '0';
        known    <= '0';
        clear_at <= (others => '0');
        state    <= clear;
      end if;
    end if;
  end process;

  name_voxels : process (clk) is
    variable l, o, u, r : label_t;          -- left, corner, above, right, where there are any
    variable both       : union_t;
    variable name, late : label_t;
    variable here       : place_t;
  begin
    if rising_edge(clk) then
      both    := (none_c, none_c, '0');
      name    := none_c;
      c_valid <= '0';

      if shift then
        l := where(not b.first, left);
        o := where(not b.first and not b.top, corner);
        u := where(not b.top, above);
        r := where(not b.last and not b.top, right);
        if b.valid = '1' and b.bit = '1' then
          if not corners_g then
            both := union(u, l);
          elsif u /= none_c then            -- whoever is beside has met it before
            both.kept := u;
          elsif l /= none_c then
            both := union(l, r);
          else
            both := union(o, r);
          end if;
          name := both.kept;
          if name = none_c then
            if next_label > labels_g then
              lost_here <= lost_here + 1;
            else
              name       := next_label(7 downto 0);
              next_label <= next_label + 1;
            end if;
          end if;
        end if;

        c_label <= name;
        c_part  <= (area => resize(b.column - run_first, 21) + 1, column_low => run_first,
                    column_high => b.column, row_low => b.row, row_high => b.row);
        if l = none_c then                  -- a run begins
          run_first         <= b.column;
          c_part.area       <= to_unsigned(1, 21);
          c_part.column_low <= b.column;
        end if;
        if b.valid = '1' and name /= none_c then
          c_valid <= b.last or not a.bit;   -- and ends
        end if;
        if b.valid then
          names(to_integer(b.column(9 downto 0))) <= name;
        end if;

        -- In slices of one to three columns the names above are still on their way.
        late := renamed(found, both);
        if columns = 2 then
          late := name;
        elsif columns = 3 then
          late := renamed(left, both);
        end if;
        left   <= name;
        corner <= renamed(above, both);
        above  <= renamed(right, both);
        if columns = 1 then
          above <= name;
        end if;
        right  <= late;
        b      <= a;

        here := (valid => take, bit => source.data(0) and take, first => '0',
                 last => source.last, top => '0', column => column, row => row);
        if source.user then
          here.column := (others => '0');
          here.row    := (others => '0');
        end if;
        here.first := to_std(here.column = 0);
        here.top   := to_std(here.row = 0);
        a      <= here;
        column <= here.column + 1;
        row    <= here.row;
        if source.last then
          column <= (others => '0');
          row    <= here.row + 1;
        end if;
        here.column := here.column + 1;
        if source.last then                 -- above the next line's first
          here.column := (others => '0');
        end if;
        read_name <= names(to_integer(here.column(9 downto 0)));
      end if;

      -- After the slice: what a name has goes to its root, as a run would.
      if state = look then
        c_valid <= to_std(found /= scan and unpack(read_part).area /= 0);
        c_label <= found;
        c_part  <= unpack(read_part);
      end if;

      last_union <= both;
      for number in root'range loop
        root(number) <= renamed(root(number), last_union);
      end loop;
      if rst = '1' or state = clear then
        for number in root'range loop
          root(number) <= to_unsigned(number, 8);
        end loop;
        next_label <= to_unsigned(1, 9);
        lost_here  <= (others => '0');
        a.valid    <= '0';
        b.valid    <= '0';
        c_valid    <= '0';
        last_union.valid <= '0';
      end if;
    end if;
  end process;

  -- One port to read and one to write.
  add_runs : process (clk) is
    variable to_label : label_t;
    variable total    : component_t;
    variable written  : std_logic;
  begin
    if rising_edge(clk) then
      to_label := scan when state = fetch else c_label;
      read_part <= parts(to_integer(to_label));
      d_valid <= c_valid;
      d_label <= c_label;
      d_part  <= c_part;

      total := unpack(read_part);
      if e_valid = '1' and e_label = d_label then   -- it was being written when it was read
        total := e_part;
      end if;
      total   := sum(total, d_part);
      e_valid <= d_valid;
      e_label <= d_label;
      e_part  <= total;

      to_label := d_label;
      written  := d_valid;
      if state = clear then
        to_label := clear_at;
      elsif state = look then
        to_label := scan;
      end if;
      if state = clear or state = look then
        total   := component_none_c;
        written := '1';
      end if;
      if written then
        parts(to_integer(to_label)) <= pack(total);
      end if;
      if rst then
        d_valid <= '0';
        e_valid <= '0';
      end if;
    end if;
  end process;
end architecture;
