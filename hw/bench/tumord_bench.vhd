-- What the benches share.
use std.textio.all;

package tumord_bench is
  type integers_t is array (natural range <>) of integer;
  procedure report_line(text : string);   -- as it is, without a place and a time

  -- Functional coverage. A file hw/bench/ENTITY.cover is put into its entity's architecture for the
  -- simulation, where it sees every state; when the driver has finished it tells how often
  -- each came. tests/unit_hw adds the runs up, and fails when one never came.
  signal finished : boolean := false;
  type tally_t is array (natural range <>) of natural;
  procedure tell(entity_name, point : string; count : natural);
end package;

package body tumord_bench is
  procedure report_line(text : string) is
    variable one : line;
  begin
    write(one, text);
    writeline(output, one);
  end procedure;

  procedure tell(entity_name, point : string; count : natural) is
  begin
    report_line("coverage: " & entity_name & ": " & point & ": " & to_string(count));
  end procedure;
end package body;
