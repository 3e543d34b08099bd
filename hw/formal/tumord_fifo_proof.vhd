-- Proof by induction that tumord_fifo, of four words of three bits, gives out what it took, in its
-- order, loses and doubles nothing, and keeps the rules of a stream, whatever comes and whenever.
-- Beside it runs a plain list; `bad` is high when the two differ.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;

entity tumord_fifo_proof is
  port (clk, rst     : in  std_logic;
        data         : in  std_logic_vector(2 downto 0);
        valid, ready : in  std_logic;
        bad          : out std_logic);
end entity;

architecture proof of tumord_fifo_proof is
  constant log_c   : positive := 2;
  constant words_c : positive := 2 ** log_c;
  subtype word_t is std_logic_vector(2 downto 0);
  type list_t is array (0 to words_c - 1) of word_t;

  signal source_ready, sink_valid : std_logic;
  signal sink    : word_t;
  signal level   : unsigned(log_c downto 0);
  signal look    : std_logic_vector(3 * words_c - 1 downto 0);
  signal list    : list_t := (others => "000");           -- what waits in the RAM, the oldest first
  signal number  : unsigned(log_c downto 0) := (others => '0');
  signal shown   : word_t := "000";                       -- what the sink is shown
  signal showing : std_logic := '0';
begin
  fifo : entity work.tumord_fifo
    generic map (width_g => 3, log_g => log_c, look_g => true)
    port map (clk => clk, rst => rst, source => data, source_valid => valid,
              source_ready => source_ready, sink => sink, sink_valid => sink_valid,
              sink_ready => ready, level => level, look => look);

  process (clk) is
    variable count : unsigned(log_c downto 0);
    variable words : list_t;
  begin
    if rising_edge(clk) then
      count := number;
      words := list;
      if ready = '1' or showing = '0' then
        showing <= to_std(count /= 0);
        if count /= 0 then
          shown <= words(0);
          words(0 to words_c - 2) := words(1 to words_c - 1);
          count := count - 1;
        end if;
      end if;
      if valid = '1' and number < words_c then
        for n in words'range loop
          if count = n then
            words(n) := data;
          end if;
        end loop;
        count := count + 1;
      end if;
      number <= count;
      list   <= words;
      if rst then
        number  <= (others => '0');
        showing <= '0';
      end if;
    end if;
  end process;

  compare : process (all) is
    variable differs : std_logic;
  begin
    differs := to_std(level /= number) or to_std(source_ready /= to_std(number < words_c))
               or to_std(sink_valid /= showing) or (showing and to_std(sink /= shown));
    for n in 0 to words_c - 1 loop
      differs := differs or (to_std(number > n)
                             and to_std(look(3 * n + 2 downto 3 * n) /= list(n)));
    end loop;
    bad <= differs;
  end process;
end architecture;
