-- The register file, by AXI4-Lite: configures a pipeline and reads back its results. One write
-- and one read at a time, an answer two clocks after the request; SLVERR where there is no
-- register, and on a write to one that only reads. The map is in hw/doc/tumord_registers.md.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;

entity tumord_registers is
  generic (bits_g    : positive := 8;     -- these are told by the register `generics`
           labels_g  : positive := 255;
           size_g    : positive := 3;
           corners_g : boolean := true;
           sigmoid_g : boolean := false;
           three_g   : boolean := false);
  port (clk, rst      : in  std_logic;    -- rst: synchronous, active high
        awaddr        : in  std_logic_vector(7 downto 0);
        awvalid       : in  std_logic;
        awready       : out std_logic;
        wdata         : in  std_logic_vector(31 downto 0);
        wstrb         : in  std_logic_vector(3 downto 0);
        wvalid        : in  std_logic;
        wready        : out std_logic;
        bresp         : out std_logic_vector(1 downto 0);
        bvalid        : out std_logic;
        bready        : in  std_logic;
        araddr        : in  std_logic_vector(7 downto 0);
        arvalid       : in  std_logic;
        arready       : out std_logic;
        rdata         : out std_logic_vector(31 downto 0);
        rresp         : out std_logic_vector(1 downto 0);
        rvalid        : out std_logic;
        rready        : in  std_logic;
        irq           : out std_logic;

        config        : out settings_t;   -- as written; whoever uses it takes it at a slice's begin
        restart       : out std_logic;    -- for one clock: the pipeline starts anew
        table         : out table_t;
        index         : out unsigned(7 downto 0);  -- the component that `part` shall be, from 0
        part          : in  component_t;
        results       : in  results_t;
        busy          : in  std_logic;
        ended         : in  std_logic;    -- for one clock: a slice, and all that is told of it
        malformed     : in  std_logic);   -- for one clock: a line was shorter or longer than said
end entity;

architecture rtl of tumord_registers is
  subtype word_t is std_logic_vector(31 downto 0);
  type words_t is array (natural range <>) of word_t;
  subtype place_t is natural range 0 to 63;       -- an address by words
  constant okay_c : std_logic_vector(1 downto 0) := "00";
  constant slverr_c : std_logic_vector(1 downto 0) := "10";

  constant id_c           : place_t := 0;
  constant version_c      : place_t := 1;
  constant generics_c     : place_t := 2;
  constant control_c      : place_t := 3;
  constant status_c       : place_t := 4;
  constant irq_enable_c   : place_t := 5;
  constant irq_status_c   : place_t := 6;
  constant slices_c       : place_t := 7;
  constant columns_c      : place_t := 8;
  constant rows_c         : place_t := 9;
  constant format_c       : place_t := 10;
  constant slope_c        : place_t := 11;
  constant intercept_c    : place_t := 12;
  constant pad_low_c      : place_t := 13;
  constant pad_high_c     : place_t := 14;
  constant function_c     : place_t := 16;
  constant center_c       : place_t := 17;
  constant width_c        : place_t := 18;
  constant grey_c         : place_t := 19;
  constant least_c        : place_t := 20;
  constant mode_c         : place_t := 24;
  constant low_c          : place_t := 25;
  constant high_c         : place_t := 26;
  constant morphology_c   : place_t := 28;
  constant otsu_c         : place_t := 32;
  constant area_c         : place_t := 33;
  constant sum_c          : place_t := 34;
  constant squares_low_c  : place_t := 35;
  constant squares_high_c : place_t := 36;
  constant box_columns_c  : place_t := 37;
  constant box_rows_c     : place_t := 38;
  constant three_c        : place_t := 39;
  constant count_c        : place_t := 40;
  constant lost_c         : place_t := 41;
  constant index_c        : place_t := 42;
  constant part_area_c    : place_t := 43;
  constant part_columns_c : place_t := 44;
  constant part_rows_c    : place_t := 45;

  -- The bits that a register keeps; none where there is nothing to write.
  function kept(place : place_t) return word_t is
  begin
    -- Not a case: ghdl 2.0 writes one to Verilog without its default.
    if place = irq_enable_c or place = irq_status_c or place = control_c then
      return x"00000003";
    elsif place = mode_c then
      return x"00000007";
    elsif place = columns_c or place = rows_c then
      return x"000007ff";
    elsif place = format_c then
      return x"0000031f";
    elsif place = slope_c or place = intercept_c then
      return x"ffffffff";
    elsif place = pad_low_c or place = pad_high_c then
      return x"0001ffff";
    elsif place = function_c then
      return x"00000003";
    elsif place = center_c or place = width_c or place = low_c or place = high_c then
      return x"00ffffff";
    elsif place = grey_c then
      return x"00000fff";
    elsif place = least_c then
      return x"03ffffff";
    elsif place = morphology_c then
      return x"0000001f";
    elsif place = index_c then
      return x"000000ff";
    end if;
    return x"00000000";
  end function;

  function place_of(address : std_logic_vector(7 downto 0)) return place_t is
  begin
    return to_integer(unsigned(address(7 downto 2)));
  end function;

  function word(value : unsigned) return word_t is
  begin
    return std_logic_vector(resize(value, 32));
  end function;

  function box(low, high : count_t) return word_t is
  begin
    return "00000" & std_logic_vector(high) & "00000" & std_logic_vector(low);
  end function;

  signal words        : words_t(0 to 45) := (others => (others => '0'));
  signal aw_held, w_held, b_held, ar_held, r_held : std_logic := '0';
  signal aw, ar       : place_t := 0;
  signal w            : word_t := (others => '0');
  signal strobes      : std_logic_vector(3 downto 0) := (others => '0');
  signal slices       : unsigned(31 downto 0) := (others => '0');
begin
  awready <= not aw_held;
  wready  <= not w_held;
  bvalid  <= b_held;
  arready <= not ar_held;
  rvalid  <= r_held;
  irq     <= or (words(irq_status_c) and words(irq_enable_c));
  index   <= unsigned(words(index_c)(7 downto 0));

  write : process (clk) is
    variable value, mask : word_t;
  begin
    if rising_edge(clk) then
      restart     <= '0';
      table.write <= '0';
      if not aw_held then
        aw_held <= awvalid;
        aw      <= place_of(awaddr);
      end if;
      if not w_held then
        w_held  <= wvalid;
        w       <= wdata;
        strobes <= wstrb;
      end if;
      if bready then
        b_held <= '0';
      end if;
      if aw_held = '1' and w_held = '1' and b_held = '0' then
        aw_held <= '0';
        w_held  <= '0';
        b_held  <= '1';
        mask    := kept(aw);
        bresp   <= okay_c;
        if mask = x"00000000" then
          bresp <= slverr_c;
        end if;
        for byte in 0 to 3 loop
          if strobes(byte) = '0' then
            mask(8 * byte + 7 downto 8 * byte) := (others => '0');
          end if;
        end loop;
        for place in words'range loop
          if place = aw and kept(place) /= x"00000000" then
            value := (words(place) and not mask) or (w and mask);
            if place = irq_status_c then            -- a one takes a one away
              value := words(place) and not (w and mask);
            elsif place = control_c then
              restart  <= value(1);
              value(1) := '0';
            elsif place = least_c then
              table.write <= '1';
            end if;
            words(place) <= value;
          end if;
        end loop;
      end if;
      if ended then
        words(irq_status_c)(0) <= '1';
        slices <= slices + 1;
      end if;
      if malformed then
        words(irq_status_c)(1) <= '1';
      end if;
      if rst then
        words   <= (others => (others => '0'));
        slices  <= (others => '0');
        aw_held <= '0';
        w_held  <= '0';
        b_held  <= '0';
      end if;
    end if;
  end process;

  read : process (clk) is
    variable value : word_t;
  begin
    if rising_edge(clk) then
      if not ar_held then
        ar_held <= arvalid;
        ar      <= place_of(araddr);
      end if;
      if rready then
        r_held <= '0';
      end if;
      if ar_held = '1' and r_held = '0' then
        ar_held <= '0';
        r_held  <= '1';
        rresp   <= okay_c;
        value   := (others => '0');
        for place in words'range loop
          if place = ar then
            value := words(place);
          end if;
        end loop;
        if ar = id_c then
          value := x"544d5244";                     -- "TMRD"
        elsif ar = version_c then
          value := x"00010000";
        elsif ar = generics_c then
          value := word(to_unsigned(bits_g, 8) + shift_left(to_unsigned(labels_g, 18), 8));
          value(16) := to_std(corners_g);
          value(17) := to_std(sigmoid_g);
          value(18) := to_std(three_g);
          value(22 downto 20) := std_logic_vector(to_unsigned(size_g, 3));
        elsif ar = status_c then
          value(0) := busy;
        elsif ar = slices_c then
          value := word(slices);
        elsif ar = otsu_c then
          value := word(results.otsu);
          value(31) := results.otsu_found;
        elsif ar = three_c then
          value := word(results.upper & results.middle);
          value(31) := results.three_found;
        elsif ar = area_c then
          value := word(results.statistics.area);
        elsif ar = sum_c then
          value := word(results.statistics.sum);
        elsif ar = squares_low_c then
          value := word(results.statistics.squares(31 downto 0));
        elsif ar = squares_high_c then
          value := word(results.statistics.squares(43 downto 32));
        elsif ar = box_columns_c then
          value := box(results.statistics.column_low, results.statistics.column_high);
        elsif ar = box_rows_c then
          value := box(results.statistics.row_low, results.statistics.row_high);
        elsif ar = count_c then
          value := word(results.count);
        elsif ar = lost_c then
          value := word(results.lost);
        elsif ar = part_area_c then
          value := word(part.area);
        elsif ar = part_columns_c then
          value := box(part.column_low, part.column_high);
        elsif ar = part_rows_c then
          value := box(part.row_low, part.row_high);
        elsif kept(ar) = x"00000000" then
          rresp <= slverr_c;
        end if;
        rdata <= value;
      end if;
      if rst then
        ar_held <= '0';
        r_held  <= '0';
      end if;
    end if;
  end process;

  -- The words as what they mean.
  table.grey  <= unsigned(words(grey_c)(11 downto 0));
  table.least <= signed(words(least_c)(25 downto 0));
  config.enable  <= words(control_c)(0);
  config.columns <= unsigned(words(columns_c)(10 downto 0));
  config.rows    <= unsigned(words(rows_c)(10 downto 0));
  config.rescale <= (is_signed => words(format_c)(8), bits => unsigned(words(format_c)(4 downto 0)),
                     slope => signed(words(slope_c)), intercept => signed(words(intercept_c)),
                     padding => words(format_c)(9),
                     pad_low => signed(words(pad_low_c)(16 downto 0)),
                     pad_high => signed(words(pad_high_c)(16 downto 0)));
  config.window  <= (exact => words(function_c)(0), sigmoid => words(function_c)(1),
                     center => signed(words(center_c)(23 downto 0)),
                     width => unsigned(words(width_c)(23 downto 0)));
  config.choice  <= unsigned(words(mode_c)(2 downto 0));
  config.threshold <= (band => '0', low => signed(words(low_c)(23 downto 0)),
                       high => signed(words(high_c)(23 downto 0)));
  config.morphology <= (first => words(morphology_c)(1 downto 0),
                        second => words(morphology_c)(3 downto 2),
                        cross => words(morphology_c)(4),
                        columns => unsigned(words(columns_c)(10 downto 0)),
                        rows => unsigned(words(rows_c)(10 downto 0)));
end architecture;
