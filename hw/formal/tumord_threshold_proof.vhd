-- Proof by induction that the stage of tumord_threshold keeps the rules of a stream, whatever
-- comes and whenever: `bad` is high when something changed while it waited, or when a voxel was
-- lost or doubled. yosys proves it never high (make -C hw formal).
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;

entity tumord_threshold_proof is
  port (clk, rst   : in  std_logic;
        band       : in  std_logic;
        low, high  : in  std_logic_vector(data_bits_c - 1 downto 0);
        data       : in  std_logic_vector(data_bits_c - 1 downto 0);
        pad, last, user, valid, ready : in std_logic;
        bad        : out std_logic);
end entity;

architecture proof of tumord_threshold_proof is
  signal config       : threshold_t;
  signal source, sink : streams_t(0 to 0);
  signal source_ready : std_logic;
  signal before       : streams_t(0 to 0) := (others => stream_idle_c);
  signal waiting      : std_logic := '0';
  signal inside       : unsigned(1 downto 0) := "00";  -- voxels that went in and are not out
begin
  config <= (band => band, low => signed(low), high => signed(high));
  source(0) <= (data => signed(data), pad => pad, last => last, user => user, valid => valid);

  stage : entity work.tumord_threshold
    port map (clk => clk, rst => rst, config => config, source => source,
              source_ready => source_ready, sink => sink, sink_ready => ready);

  process (clk) is
  begin
    if rising_edge(clk) then
      before  <= sink;
      waiting <= sink(0).valid and not ready and not rst;
      inside  <= inside + (0 => source(0).valid and source_ready) - (0 => sink(0).valid and ready);
      if rst then
        inside <= "00";
      end if;
    end if;
  end process;

  bad <= (waiting and to_std(sink /= before)) or to_std(inside /= (0 => sink(0).valid));
end architecture;
