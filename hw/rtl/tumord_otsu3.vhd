-- Otsu's thresholds for three classes on 64 bins, four of tumord_histogram's in each, exactly:
-- the sum of s^2 / n over the classes, with n voxels and the sum s, is largest; the lowest pair
-- wins a tie. Three divisions run side by side, a digit a clock, so that the sum has digits of
-- 0 to 3, and a pair ends with the digit that it cannot make good for. The product of the three n
-- is below 2 ** 55.3, so that two different sums differ by 2 ** -110.6, and three cut off
-- after 114 digits by less than 3 in the last place: 3 more than the best is better, less is not.
-- At most 178 clocks for a pair.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;

entity tumord_otsu3 is
  port (clk, rst  : in  std_logic;        -- rst: synchronous, active high
        bin       : in  bin_t;            -- 256 of them, from 0
        bin_ready : out std_logic;
        busy      : out std_logic;
        done      : out std_logic;        -- for one clock; what follows stays until the next
        found     : out std_logic;        -- three of the 64 at least were filled
        low, high : out unsigned(7 downto 0));  -- of the 256 bins: 3, 7, ...; a class is above it
end entity;

architecture rtl of tumord_otsu3 is
  type state_t is (collect, low_read, low_take, high_read, high_take, square, divide);
  constant whole_c  : positive := 32;     -- digits before the point: 63^2 2^20
  constant steps_c  : positive := whole_c + 114;
  subtype sum_t is unsigned(25 downto 0);
  subtype squared_t is unsigned(51 downto 0);
  subtype rest_t is unsigned(21 downto 0);
  type totals_t is array (0 to 2) of total_t;
  type sums_t is array (0 to 2) of sum_t;
  type squares_t is array (0 to 2) of squared_t;
  type rests_t is array (0 to 2) of rest_t;
  subtype digit_t is unsigned(1 downto 0);

  -- Up to and with each bin: the voxels, their sum, and whether the bin itself has any.
  subtype entry_t is std_logic_vector(total_t'length + sum_t'length downto 0);
  type entries_t is array (0 to 63) of entry_t;
  signal entries : entries_t;
  signal entry   : entry_t;
  -- The digits of the pair at work and, in the other half, of the best one.
  type digits_t is array (0 to 511) of digit_t;
  signal digits  : digits_t;
  signal best_digit : digit_t;
  signal at      : unsigned(5 downto 0);                  -- of the entry that is read

  signal state   : state_t := collect;
  signal number  : unsigned(7 downto 0) := (others => '0');
  signal filled  : std_logic := '0';                      -- the bin of 64, so far
  signal below   : total_t := (others => '0');
  signal weight  : sum_t := (others => '0');
  signal low_bin, high_bin, best_low, best_high : unsigned(5 downto 0) := (others => '0');
  signal step    : natural range 0 to 255 := 0;
  signal n       : totals_t;
  signal s       : sums_t;
  signal factor  : sums_t;
  signal shifted, squared : squares_t;
  signal rest    : rests_t;
  signal ahead   : signed(3 downto 0);                    -- of the best, in the last digit's place
  signal any, better, bank : std_logic := '0';

  function count_of(entry : entry_t) return total_t is
  begin
    return unsigned(entry(total_t'length - 1 downto 0));
  end function;

  function sum_of(entry : entry_t) return sum_t is
  begin
    return unsigned(entry(total_t'length + sum_t'length - 1 downto total_t'length));
  end function;
begin
  bin_ready <= to_std(state = collect);
  busy      <= to_std(state /= collect) or to_std(number /= 0);
  at        <= low_bin when state = low_read else high_bin;

  -- Not a case: ghdl 2.0 writes one to Verilog without its default, and latches come of it.
  process (clk) is
    variable count     : total_t;
    variable sum       : sum_t;
    variable has       : std_logic;
    variable next_rest : rest_t;
    variable digit, other : digit_t;
    variable lead      : signed(4 downto 0);
    variable accept, next_pair : boolean;

    procedure begin_low(bin : unsigned(5 downto 0)) is
    begin
      low_bin <= bin;
      state   <= low_read;
    end procedure;
  begin
    if rising_edge(clk) then
      done      <= '0';
      entry     <= entries(to_integer(at));
      next_pair := false;

      if state = collect then
        if bin.valid then
          count := below + bin.count;
          has   := filled or to_std(bin.count /= 0);
          -- A bit more than the factors need: the netlists of ghdl 2.0 lose the top bit of a product.
          sum   := weight + resize(('0' & bin.count) * ('0' & number(7 downto 2)), sum_t'length);
          if number(1 downto 0) = 3 then
            entries(to_integer(number(7 downto 2))) <= has & std_logic_vector(sum)
                                                       & std_logic_vector(count);
            has := '0';
          end if;
          filled <= has;
          below  <= count;
          weight <= sum;
          number <= number + 1;
          if bin.last then
            any    <= '0';
            filled <= '0';
            number <= (others => '0');
            begin_low((others => '0'));
          end if;
        end if;
      elsif state = low_read then
        state <= low_take;
      elsif state = low_take then
        n(0)     <= count_of(entry);
        s(0)     <= sum_of(entry);
        high_bin <= low_bin + 1;
        if low_bin = 62 then                       -- all pairs are judged
          done   <= '1';
          found  <= any;
          low    <= best_low & "11";
          high   <= best_high & "11";
          below  <= (others => '0');
          weight <= (others => '0');
          state  <= collect;
        elsif entry(entry'high) = '0' then         -- parts as the one before
          begin_low(low_bin + 1);
        else
          state <= high_read;
        end if;
      elsif state = high_read then
        state <= high_take;
      elsif state = high_take then
        n(1) <= count_of(entry) - n(0);
        s(1) <= sum_of(entry) - s(0);
        n(2) <= below - count_of(entry);
        s(2) <= weight - sum_of(entry);
        step <= 0;
        if entry(entry'high) = '0' or count_of(entry) = below then
          next_pair := true;
        else
          state <= square;
        end if;
      elsif state = square then
        for class in 0 to 2 loop
          if step = 0 then
            factor(class)  <= s(class);
            shifted(class) <= resize(s(class), squared_t'length);
            squared(class) <= (others => '0');
          else
            if factor(class)(0) then
              squared(class) <= squared(class) + shifted(class);
            end if;
            factor(class)  <= shift_right(factor(class), 1);
            shifted(class) <= shift_left(shifted(class), 1);
          end if;
        end loop;
        step <= step + 1;
        if step = sum_t'length then
          state <= divide;
          step  <= 0;
        end if;
      elsif state = divide then
        if step = 0 then
          for class in 0 to 2 loop
            rest(class) <= resize(squared(class)(51 downto whole_c), rest_t'length);
          end loop;
          ahead  <= (others => '0');
          better <= '0';
          step   <= 1;
        else
          digit := "00";
          for class in 0 to 2 loop
            next_rest := rest(class)(20 downto 0) & squared(class)(whole_c - 1);
            if next_rest >= n(class) then
              next_rest := next_rest - n(class);
              digit     := digit + 1;
            end if;
            rest(class)    <= next_rest;
            squared(class) <= shift_left(squared(class), 1);
          end loop;
          other := best_digit;
          if not any then
            other := "00";
          end if;
          lead  := shift_left(resize(ahead, 5), 1) + signed(resize(digit, 5))
                   - signed(resize(other, 5));
          ahead <= resize(lead, 4);
          accept := better = '1' or lead >= 3;
          better <= to_std(accept);
          step   <= step + 1;
          if not accept and (lead <= -3 or step = steps_c) then
            next_pair := true;                     -- not better, whatever digits follow
          elsif step = steps_c then
            any       <= '1';
            bank      <= not bank;
            best_low  <= low_bin;
            best_high <= high_bin;
            next_pair := true;
          end if;
        end if;
      end if;

      if next_pair then
        if high_bin = 62 then
          begin_low(low_bin + 1);
        else
          high_bin <= high_bin + 1;
          state    <= high_read;
        end if;
      end if;

      if rst then
        state  <= collect;
        number <= (others => '0');
        below  <= (others => '0');
        weight <= (others => '0');
        filled <= '0';
        done   <= '0';
      end if;
    end if;
  end process;

  -- The best pair's digit is read a clock ahead.
  remember : process (clk) is
    variable digit : digit_t;
    variable step_ahead : unsigned(7 downto 0);
  begin
    if rising_edge(clk) then
      step_ahead := to_unsigned(step, 8) + 1;
      best_digit <= digits(to_integer(bank & step_ahead));
      if state = divide and step /= 0 then
        digit := "00";
        for class in 0 to 2 loop
          if rest(class)(20 downto 0) & squared(class)(whole_c - 1) >= n(class) then
            digit := digit + 1;
          end if;
        end loop;
        digits(to_integer((not bank) & to_unsigned(step, 8))) <= digit;
      end if;
    end if;
  end process;
end architecture;
