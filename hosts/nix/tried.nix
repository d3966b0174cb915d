# What is added to the commands that build a system, so that its bin/apply, by which NixOps4 switches
# a host, only tries the system while a deploy waits to see the host well.
#
# The commands are a shell's, with the system at $out and bin/apply made.
{ shell }:
''
  mv $out/bin/apply $out/bin/.apply
  sed "s|@shell@|${shell}|; s|@apply@|$out/bin/.apply|" ${./tried.sh} >$out/bin/apply
  chmod +x $out/bin/apply
''
