-- What the entities share: the stream, its widths, the configuration records.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

package tumord is
  -- A value in sixteenths (of a HU): from -524288 to 524287 15/16. Narrower data are
  -- extended; what an entity never drives, synthesis takes away.
  constant data_bits_c : positive := 24;
  constant sixteenths_c : positive := 16;
  constant max_columns_c : positive := 1024;
  subtype data_t is signed(data_bits_c - 1 downto 0);
  subtype count_t is unsigned(10 downto 0);        -- of columns or rows, 1 to 1024

  type stream_t is record
    data  : data_t;
    pad   : std_logic;          -- padding: not a voxel, whatever its data
    last  : std_logic;          -- of a line
    user  : std_logic;          -- first of a slice
    valid : std_logic;
  end record;
  constant stream_idle_c : stream_t := ((others => '0'), '0', '0', '0', '0');

  -- A beat: several voxels of one line side by side, from lane 0. A lane's valid says whether it
  -- holds one: lane 0 of every beat does, and the others of every beat but the last of a line,
  -- which holds what is left. `last` stands at a line's last voxel, `user` at lane 0.
  type streams_t is array (natural range <>) of stream_t;

  type rescale_t is record
    is_signed        : std_logic;
    bits             : unsigned(4 downto 0);       -- stored, 8 to 16
    slope, intercept : signed(31 downto 0);        -- in 65536ths
    padding          : std_logic;                  -- values from pad_low to pad_high are no voxels
    pad_low, pad_high : signed(16 downto 0);
  end record;

  type window_t is record
    exact  : std_logic;                            -- LINEAR_EXACT, else LINEAR
    sigmoid : std_logic;                           -- SIGMOID, whatever `exact` says
    center : data_t;                               -- in sixteenths
    width  : unsigned(data_bits_c - 1 downto 0);
  end record;

  type windows_t is array (natural range <>) of window_t;

  -- One entry of SIGMOID's table: the least value - centre, in sixteenths, that gives the grey.
  subtype distance_t is signed(data_bits_c + 1 downto 0);
  type table_t is record
    write : std_logic;
    grey  : unsigned(11 downto 0);                 -- 1 to the largest; 0 needs no entry
    least : distance_t;
  end record;
  constant table_idle_c : table_t := ('0', (others => '0'), (others => '0'));
  type tables_t is array (natural range <>) of table_t;

  type threshold_t is record
    band      : std_logic;      -- from low to high, both inclusive; else above low
    low, high : data_t;
  end record;

  type thresholds_t is array (natural range <>) of threshold_t;

  -- What Otsu found in a slice, on 256 bins: two classes, three classes.
  type otsu_t is record
    found_2, found_3 : std_logic;
    two, low, high   : unsigned(7 downto 0);
  end record;
  constant otsu_none_c : otsu_t := ('0', '0', (others => '0'), (others => '0'), (others => '0'));
  type otsus_t is array (natural range <>) of otsu_t;

  -- What a threshold follows: its own numbers, or the Otsu of the slice before.
  subtype choice_t is unsigned(2 downto 0);
  constant choose_above_c  : choice_t := "000";    -- the number `low`
  constant choose_band_c   : choice_t := "001";    -- from `low` to `high`
  constant choose_otsu_c   : choice_t := "010";    -- Otsu's of the slice before
  constant choose_middle_c : choice_t := "011";    -- between the two of three classes
  constant choose_upper_c  : choice_t := "100";    -- above both
  type organ_t is record
    choice    : choice_t;
    low, high : data_t;
  end record;
  type organs_t is array (natural range <>) of organ_t;

  -- Morphology: what one stage does to the 3 x 3 around a voxel.
  subtype morph_t is std_logic_vector(1 downto 0);
  constant morph_copy_c   : morph_t := "00";
  constant morph_erode_c  : morph_t := "01";
  constant morph_dilate_c : morph_t := "10";

  type morphology_t is record
    first, second : morph_t;    -- opening is erode, dilate; closing is dilate, erode
    cross         : std_logic;  -- without the corners
    columns, rows : count_t;
  end record;

  -- Histogram: of 256 bins, with the sums that are known before the first bin is read.
  subtype total_t is unsigned(20 downto 0);        -- of voxels, to 2 ** 20
  type bin_t is record
    count : total_t;
    total : total_t;                               -- of the slice
    sum   : unsigned(27 downto 0);                 -- of count * bin over the slice
    last  : std_logic;                             -- bin 255
    valid : std_logic;
  end record;

  type statistics_t is record                      -- of the chosen voxels of a slice
    area        : total_t;
    sum         : unsigned(31 downto 0);
    squares     : unsigned(43 downto 0);
    column_low, column_high, row_low, row_high : count_t;      -- both inclusive, if any
  end record;
  constant statistics_none_c : statistics_t :=
    (column_low => (others => '1'), row_low => (others => '1'), column_high => (others => '0'),
     row_high => (others => '0'), area => (others => '0'), sum => (others => '0'),
     squares => (others => '0'));

  type component_t is record                       -- of a mask
    area        : total_t;                         -- 0: nothing yet
    column_low, column_high, row_low, row_high : count_t;      -- both inclusive
  end record;
  constant component_none_c : component_t := ((others => '0'), (others => '0'), (others => '0'),
                                              (others => '0'), (others => '0'));

  -- What the register file has for a pipeline, and a pipeline for the register file.
  type settings_t is record
    enable        : std_logic;
    choice        : choice_t;                      -- what the threshold follows
    columns, rows : count_t;
    rescale       : rescale_t;
    window        : window_t;
    threshold     : threshold_t;
    morphology    : morphology_t;
  end record;

  type results_t is record
    otsu, middle, upper    : unsigned(7 downto 0); -- Otsu's of two classes, and of three
    otsu_found, three_found : std_logic;
    statistics : statistics_t;
    count      : unsigned(7 downto 0);             -- of components
    lost       : total_t;
  end record;

  function to_std(condition : boolean) return std_logic;
  function chosen(voxel : stream_t; config : threshold_t) return std_logic;
  -- For greys of `bits` bits. As fixed_choose(): what was not found chooses nothing.
  function choose(organ : organ_t; otsu : otsu_t; bits : positive) return threshold_t;
  function choose(config : settings_t; results : results_t; bits : positive) return threshold_t;
end package;

package body tumord is
  function to_std(condition : boolean) return std_logic is
  begin
    if condition then
      return '1';
    end if;
    return '0';
  end function;

  function chosen(voxel : stream_t; config : threshold_t) return std_logic is
  begin
    if voxel.pad = '1' then
      return '0';
    elsif config.band = '1' then
      return to_std(voxel.data >= config.low and voxel.data <= config.high);
    end if;
    return to_std(voxel.data > config.low);
  end function;

  -- The least grey of a bin.
  function begin_of(bin : unsigned; bits : positive) return data_t is
  begin
    return signed(shift_left(resize(bin, data_bits_c), bits - 8));
  end function;

  function choose(organ : organ_t; otsu : otsu_t; bits : positive) return threshold_t is
    constant two    : unsigned(8 downto 0) := resize(otsu.two, 9) + 1;
    constant middle : unsigned(8 downto 0) := resize(otsu.low, 9) + 1;
    constant upper  : unsigned(8 downto 0) := resize(otsu.high, 9) + 1;
    variable threshold : threshold_t :=
      (band => to_std(organ.choice = choose_band_c or organ.choice = choose_middle_c),
       low => organ.low, high => organ.high);
    variable found     : std_logic := '1';
  begin
    if organ.choice = choose_otsu_c then
      threshold.low := begin_of(two, bits) - 1;
      found         := otsu.found_2;
    elsif organ.choice = choose_upper_c then
      threshold.low := begin_of(upper, bits) - 1;
      found         := otsu.found_3;
    elsif organ.choice = choose_middle_c then
      threshold.low  := begin_of(middle, bits);
      threshold.high := begin_of(upper, bits) - 1;
      found          := otsu.found_3;
    end if;
    if found = '0' then
      return (band => '1', low => to_signed(1, data_bits_c), high => to_signed(0, data_bits_c));
    end if;
    return threshold;
  end function;

  function choose(config : settings_t; results : results_t; bits : positive) return threshold_t is
  begin
    return choose(organ_t'(choice => config.choice, low => config.threshold.low,
                   high => config.threshold.high),
                  otsu_t'(found_2 => results.otsu_found, found_3 => results.three_found,
                   two => results.otsu, low => results.middle, high => results.upper), bits);
  end function;
end package body;
