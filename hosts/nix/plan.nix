# The plan of the overlay, read from the file that `simulacra hosts plan` wrote, if it is the plan of
# this inventory. Needs nothing but builtins, as all of this folder.
{
  inventory,
  plan,
}:
let
  # One apart works: what is missing of an older one is not needed, what is new in a newer one neither.
  formats = [
    1
    2
    3
  ];
  mend = "type `simulacra hosts plan` beside the inventory, and commit what it writes";
  read = builtins.fromJSON (builtins.readFile plan);
  now = builtins.hashFile "sha256" inventory;
in
if !builtins.pathExists inventory then
  throw "there is no ${toString inventory}: `simulacra hosts add NAME` begins one"
else if !builtins.pathExists plan then
  throw "there is no ${toString plan}: ${mend}"
else if !builtins.elem (read.format or null) formats then
  throw "${toString plan} is of format ${toString (read.format or "none")}, and formats ${toString formats} are read here: ${mend}"
else if read.inventory != now then
  throw "${toString plan} is stale: it was made of another inventory than ${toString inventory} is now: ${mend}"
else
  read
