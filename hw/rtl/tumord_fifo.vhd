-- A FIFO of words in a RAM, and one more in the register that it is read into. Two clocks of
-- latency, a word a clock; ready hangs on a register.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;

entity tumord_fifo is
  generic (width_g : positive := 8;       -- of a word
           log_g   : positive := 4;       -- 2 ** log_g words in the RAM
           look_g  : boolean := false);   -- for a proof
  port (clk, rst     : in  std_logic;     -- rst: synchronous, active high
        source       : in  std_logic_vector(width_g - 1 downto 0);
        source_valid : in  std_logic;
        source_ready : out std_logic;
        sink         : out std_logic_vector(width_g - 1 downto 0);
        sink_valid   : out std_logic;
        sink_ready   : in  std_logic;
        level        : out unsigned(log_g downto 0);      -- words in the RAM
        look         : out std_logic_vector(width_g * 2 ** log_g - 1 downto 0));  -- the oldest lowest
end entity;

architecture rtl of tumord_fifo is
  type words_t is array (0 to 2 ** log_g - 1) of std_logic_vector(width_g - 1 downto 0);
  signal words          : words_t;
  signal from_at        : unsigned(log_g - 1 downto 0) := (others => '0');
  signal to_at          : unsigned(log_g - 1 downto 0);
  signal filled         : unsigned(log_g downto 0) := (others => '0');
  signal full, held     : std_logic := '0';
  signal put, get       : std_logic;
begin
  to_at        <= from_at + filled(log_g - 1 downto 0);
  put          <= source_valid and not full;
  get          <= to_std(filled /= 0) and (sink_ready or not held);
  source_ready <= not full;
  sink_valid   <= held;
  level        <= filled;

  memory : process (clk) is
  begin
    if rising_edge(clk) then
      if put then
        words(to_integer(to_at)) <= source;
      end if;
      if get then
        sink <= words(to_integer(from_at));
      end if;
    end if;
  end process;

  count : process (clk) is
    variable next_filled : unsigned(log_g downto 0);
  begin
    if rising_edge(clk) then
      next_filled := filled;
      if put then
        next_filled := next_filled + 1;
      end if;
      if get then
        from_at     <= from_at + 1;
        next_filled := next_filled - 1;
      end if;
      filled <= next_filled;
      full   <= next_filled(log_g);
      if get then
        held <= '1';
      elsif sink_ready then
        held <= '0';
      end if;
      if rst then
        filled  <= (others => '0');
        from_at <= (others => '0');
        full    <= '0';
        held    <= '0';
      end if;
    end if;
  end process;

  looks : if look_g generate
    process (all) is
    begin
      for n in 0 to 2 ** log_g - 1 loop
        look((n + 1) * width_g - 1 downto n * width_g) <=
          words(to_integer(from_at + to_unsigned(n, log_g)));
      end loop;
    end process;
  else generate
    look <= (others => '0');
  end generate;
end architecture;
