-- The rules of a stream, asserted on every clock: nothing changes while it waits, no unknown
-- levels, `user` on the first voxel of a slice and `last` on the last of a line, and only there;
-- every lane holds a voxel, but for those beyond the end of a line.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.tumord.all;

entity tumord_watch is
  generic (name_g : string; lanes_g : positive := 1);
  port (clk, rst      : in std_logic;
        columns, rows : in count_t;
        stream        : in streams_t(0 to lanes_g - 1);
        ready         : in std_logic);
end entity;

architecture bench of tumord_watch is
begin
  process (clk) is
    variable before  : streams_t(0 to lanes_g - 1) := (others => stream_idle_c);
    variable waiting : boolean := false;
    variable column, row : natural := 0;

    procedure look(stream : stream_t; lane : natural) is
      constant at : natural := column + lane;
    begin
      assert stream.valid = to_std(at < columns)
        report name_g & ": lane " & to_string(lane) & " holds a voxel or none in column "
               & to_string(at) severity failure;
      if stream.valid then
        assert not is_x(std_logic_vector(stream.data)) and not is_x(stream.pad)
          report name_g & ": a voxel is unknown" severity failure;
        assert stream.last = to_std(at + 1 = columns)
          report name_g & ": last out of place in column " & to_string(at) severity failure;
        assert stream.user = to_std(at = 0 and row = 0)
          report name_g & ": user out of place in column " & to_string(at) & ", row "
                 & to_string(row) severity failure;
      end if;
    end procedure;
  begin
    if rising_edge(clk) then
      if rst then
        waiting := false;
        column := 0;
        row := 0;
      else
        assert not is_x(stream(0).valid) and not is_x(ready)
          report name_g & ": valid or ready is unknown" severity failure;
        assert not waiting or stream = before
          report name_g & ": changed while it waited" severity failure;
        if stream(0).valid then
          for lane in stream'range loop
            look(stream(lane), lane);
          end loop;
        end if;
        waiting := (stream(0).valid and not ready) = '1';
        before  := stream;
        if stream(0).valid and ready then
          column := column + lanes_g;
          if column >= columns then
            column := 0;
            row := (row + 1) mod to_integer(rows);
          end if;
        end if;
      end if;
    end if;
  end process;
end architecture;
