-- Proof by induction that tumord_stage keeps the rules of a stream, whatever comes and whenever: the
-- two words that it may hold are those that went in and are not out, in their order, and nothing
-- changes while it waits. `bad` is high when that is not so.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;

entity tumord_stage_proof is
  port (clk, rst   : in  std_logic;
        data       : in  std_logic_vector(data_bits_c - 1 downto 0);
        pad, last, user, valid, ready : in std_logic;
        bad        : out std_logic);
end entity;

architecture proof of tumord_stage_proof is
  signal source, sink, spare : streams_t(0 to 0);
  signal source_ready : std_logic;
  signal before       : streams_t(0 to 0) := (others => stream_idle_c);
  signal waiting      : std_logic := '0';
  signal inside       : unsigned(1 downto 0) := "00";  -- voxels that went in and are not out
  signal older, newer : stream_t := stream_idle_c;     -- which
begin
  source(0) <= (data => signed(data), pad => pad, last => last, user => user, valid => valid);

  stage : entity work.tumord_stage
    port map (clk => clk, rst => rst, source => source, source_ready => source_ready,
              sink => sink, sink_ready => ready, spare => spare);

  process (clk) is
    variable number    : unsigned(1 downto 0);
    variable one, two  : stream_t;
  begin
    if rising_edge(clk) then
      before  <= sink;
      waiting <= sink(0).valid and not ready and not rst;
      number := inside;
      one    := older;
      two    := newer;
      if sink(0).valid and ready then
        number := number - 1;
        one    := two;
      end if;
      if valid and source_ready then
        if number = 0 then
          one := source(0);
        else
          two := source(0);
        end if;
        number := number + 1;
      end if;
      inside <= number;
      older  <= one;
      newer  <= two;
      if rst then
        inside <= "00";
      end if;
    end if;
  end process;

  bad <= (waiting and to_std(sink /= before))
         or to_std((inside = 0) /= (sink(0).valid = '0'))
         or to_std((inside < 2) /= (spare(0).valid = '0'))
         or to_std((inside < 2) /= (source_ready = '1'))
         or (sink(0).valid and to_std(sink(0) /= older))
         or (spare(0).valid and to_std(spare(0) /= newer));
end architecture;
