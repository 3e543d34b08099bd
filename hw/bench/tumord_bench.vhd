-- What the benches share.
use std.textio.all;

package tumord_bench is
  type integers_t is array (natural range <>) of integer;
  procedure report_line(text : string);   -- as it is, without a place and a time
end package;

package body tumord_bench is
  procedure report_line(text : string) is
    variable one : line;
  begin
    write(one, text);
    writeline(output, one);
  end procedure;
end package body;
