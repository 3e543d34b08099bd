-- Otsu's threshold for two classes from the bins of tumord_histogram, exactly: with n of N voxels
-- and the sum s of S up to a bin, (N s - n S)^2 / (n (N - n)) is largest; the lowest bin wins a
-- tie. The divisors are below 2 ** 39, so that two different quotients differ in the first 78
-- bits behind the point: 80 are computed, one a clock. At most 210 clocks for a bin.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;

entity tumord_otsu is
  port (clk, rst  : in  std_logic;        -- rst: synchronous, active high
        bin       : in  bin_t;            -- 256 of them, from 0
        bin_ready : out std_logic;
        busy      : out std_logic;
        done      : out std_logic;        -- for one clock; what follows stays until the next
        found     : out std_logic;        -- two bins at least were filled
        threshold : out unsigned(7 downto 0));  -- the upper class is above it
end entity;

architecture rtl of tumord_otsu is
  type state_t is (idle, multiply, square, divide, judge);
  constant whole_c  : positive := 54;     -- bits of the quotient before the point: 255^2 2^38
  constant behind_c : positive := 80;
  constant steps_c  : positive := whole_c + behind_c;

  signal state   : state_t := idle;
  signal step    : natural range 0 to steps_c + 1 := 0;
  signal number, low_bin, best_bin : unsigned(7 downto 0) := (others => '0');
  signal first, last, any : std_logic := '1';
  signal below   : total_t;                        -- n
  signal weight  : signed(29 downto 0);            -- N bin - S
  signal spread  : signed(47 downto 0);            -- N s - n S = sum of count * weight
  signal factor, addend  : signed(47 downto 0);
  signal bits    : unsigned(47 downto 0);
  signal divisor, other  : unsigned(40 downto 0);
  signal other_bits      : total_t;
  signal squared, shifted : unsigned(95 downto 0);
  signal rest    : unsigned(41 downto 0);
  signal quotient, best : unsigned(steps_c - 1 downto 0);
  signal better  : std_logic;

  -- Not abs: ghdl 2.0 cannot write it to Verilog.
  function magnitude(value : signed(47 downto 0)) return unsigned is
  begin
    if value < 0 then
      return unsigned(-value);
    end if;
    return unsigned(value);
  end function;
begin
  bin_ready <= to_std(state = idle);
  busy      <= to_std(state /= idle) or not first;

  process (clk) is
    variable count_below : total_t;
    variable weighed     : signed(29 downto 0);
    variable next_rest   : unsigned(41 downto 0);
    variable digit       : std_logic;
  begin
    if rising_edge(clk) then
      done <= '0';
      -- Not a case: ghdl 2.0 writes one to Verilog without its default, and latches come of it.
      if state = idle then
        if bin.valid then
          count_below := bin.count;
          weighed     := -signed(resize(bin.sum, 30));
          if first then
            any    <= '0';
            best   <= (others => '0');
            spread <= (others => '0');
            number <= to_unsigned(1, 8);
          else
            count_below := below + bin.count;
            weighed     := weight + signed(resize(bin.total, 30));
            number      <= number + 1;
          end if;
          low_bin <= (others => '0') when first else number;
          first   <= bin.last;
          last    <= bin.last;
          below   <= count_below;
          weight  <= weighed;
          addend  <= resize(weighed, 48);
          bits    <= resize(bin.count, 48);
          divisor <= (others => '0');
          other   <= resize(count_below, 41);
          other_bits <= bin.total - count_below;
          step    <= 0;
          if bin.count /= 0 then
            state <= multiply;
          elsif bin.last then
            state <= judge;
          end if;
        end if;
      elsif state = multiply then                -- count * weight, and n (N - n)
        if bits(0) then
          spread <= spread + addend;
        end if;
        if other_bits(0) then
          divisor <= divisor + other;
        end if;
        addend     <= shift_left(addend, 1);
        bits       <= shift_right(bits, 1);
        other      <= shift_left(other, 1);
        other_bits <= shift_right(other_bits, 1);
        step       <= step + 1;
        if step = total_t'length - 1 then
          step  <= 0;
          state <= square;
        end if;
      elsif state = square then
        if step = 0 then
          bits    <= magnitude(spread);
          shifted <= resize(magnitude(spread), 96);
          squared <= (others => '0');
        else
          if bits(0) then
            squared <= squared + shifted;
          end if;
          bits    <= shift_right(bits, 1);
          shifted <= shift_left(shifted, 1);
        end if;
        step <= step + 1;
        if step = 48 then
          step  <= 0;
          state <= divide;
        end if;
      elsif state = divide then
        if step = 0 then
          if divisor = 0 then         -- no class above: nothing to judge
            state <= judge;
          end if;
          rest    <= squared(95 downto whole_c);
          shifted <= squared;
          better  <= '0';
          step    <= 1;
        else
          next_rest := rest(40 downto 0) & shifted(whole_c - 1);
          digit     := '0';
          if next_rest >= divisor then
            next_rest := next_rest - divisor;
            digit     := '1';
          end if;
          rest     <= next_rest;
          shifted  <= shift_left(shifted, 1);
          quotient <= quotient(steps_c - 2 downto 0) & digit;
          if better = '0' and digit = '0' and best(steps_c - step) = '1' then
            state <= judge;           -- less than the best: its other digits do not matter
          elsif digit = '1' and best(steps_c - step) = '0' then
            better <= '1';
          end if;
          step <= step + 1;
          if step = steps_c then
            state <= judge;
          end if;
        end if;
      elsif state = judge then
        if divisor /= 0 and better = '1' then
          best     <= quotient;
          best_bin <= low_bin;
        end if;
        if divisor /= 0 then
          any <= '1';
        end if;
        if last then
          done      <= '1';
          found     <= any;
          threshold <= best_bin;
        end if;
        state <= idle;
      end if;
      if rst then
        state <= idle;
        first <= '1';
        done  <= '0';
      end if;
    end if;
  end process;
end architecture;
