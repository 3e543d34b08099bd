-- The rules of AXI4-Lite, asserted on every clock: what waits stays, no unknown levels, an answer
-- to each request and none without one, only the two responses that there are.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

entity tumord_axi_watch is
  port (clk, rst : in std_logic;
        awaddr, araddr : in std_logic_vector(7 downto 0);
        wdata, rdata   : in std_logic_vector(31 downto 0);
        wstrb          : in std_logic_vector(3 downto 0);
        bresp, rresp   : in std_logic_vector(1 downto 0);
        awvalid, awready, wvalid, wready, bvalid, bready,
        arvalid, arready, rvalid, rready : in std_logic);
end entity;

architecture bench of tumord_axi_watch is
  subtype payload_t is std_logic_vector(35 downto 0);
  type payloads_t is array (1 to 5) of payload_t;
  type names_t is array (1 to 5) of string(1 to 2);
  constant names_c : names_t := ("aw", "w ", "b ", "ar", "r ");
  signal payloads : payloads_t;
  signal valid, ready : std_logic_vector(1 to 5);
begin
  payloads(1) <= x"0000000" & awaddr;
  payloads(2) <= wstrb & wdata;
  payloads(3) <= x"00000000" & "00" & bresp;
  payloads(4) <= x"0000000" & araddr;
  payloads(5) <= "00" & rresp & rdata;
  valid <= awvalid & wvalid & bvalid & arvalid & rvalid;
  ready <= awready & wready & bready & arready & rready;

  process (clk) is
    variable before  : payloads_t;
    variable waiting : std_logic_vector(1 to 5) := (others => '0');
    variable addresses, words, reads : natural := 0;    -- without an answer so far
  begin
    if rising_edge(clk) then
      if rst then
        waiting   := (others => '0');
        addresses := 0;  words := 0;  reads := 0;
      else
        assert not is_x(valid) and not is_x(ready)
          report "axi: a valid or a ready is unknown" severity failure;
        for each in 1 to 5 loop
          assert waiting(each) = '0' or (valid(each) = '1' and payloads(each) = before(each))
            report "axi: " & names_c(each) & " changed while it waited" severity failure;
          assert valid(each) = '0' or not is_x(payloads(each))
            report "axi: " & names_c(each) & " is unknown" severity failure;
        end loop;
        assert bvalid = '0' or (addresses > 0 and words > 0)
          report "axi: an answer to no write" severity failure;
        assert rvalid = '0' or reads > 0 report "axi: an answer to no read" severity failure;
        assert (bvalid = '0' or bresp = "00" or bresp = "10")
          and (rvalid = '0' or rresp = "00" or rresp = "10")
          report "axi: neither OKAY nor SLVERR" severity failure;
        if awvalid and awready then addresses := addresses + 1; end if;
        if wvalid and wready then words := words + 1; end if;
        if arvalid and arready then reads := reads + 1; end if;
        if bvalid and bready then addresses := addresses - 1; words := words - 1; end if;
        if rvalid and rready then reads := reads - 1; end if;
        waiting := valid and not ready;
        before  := payloads;
      end if;
    end if;
  end process;
end architecture;
