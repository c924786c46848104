# Called by layers.sh: the table, a list of all headers, then the headers themselves.

BEGIN {
  forbidden[1] = "TO" "DO"
  forbidden[2] = "FIX" "ME"
  io = "^(sys|netinet|arpa|net)/|^(unistd|fcntl|poll|netdb|pthread|sched|signal|dirent|ifaddrs|spawn|termios)[.]h$"
  intrinsics = "^([a-z0-9]*intrin|cpuid|arm_acle|arm_neon|sys/auxv)[.]h$"
}

function offence(what) { print FILENAME ":" FNR ": " what }

function read_table_line(    fields, count, i, j, layer) {
  sub(/#.*/, "")
  count = split($0, fields, /[ \t:]+/)
  if (count == 0 || fields[1] == "") return
  layer = fields[1]
  for (i = 2; i <= count; ++i) {
    if (fields[i] == "") continue
    if (fields[i] != "above") { may[layer, fields[i]] = 1; known[fields[i]] = 1; continue }
    for (j in known) may[layer, j] = 1
  }
  may[layer, layer] = 1
  known[layer] = 1
  is_layer[layer] = 1
}

# "a/b/../c" -> "a/c"
function normal(path,    parts, count, i, depth, out) {
  count = split(path, parts, "/")
  depth = 0
  for (i = 1; i <= count; ++i) {
    if (parts[i] == "" || parts[i] == ".") continue
    if (parts[i] == "..") { if (depth > 0) --depth; else return "" } else parts[++depth] = parts[i]
  }
  out = parts[1]
  for (i = 2; i <= depth; ++i) out = out "/" parts[i]
  return depth > 0 ? out : ""
}

# The path under include/ of one of our own headers, or "" if it names none.
function own_header(name, quoted,    near) {
  if (quoted) {
    near = normal(directory "/" name)
    if (near in exists) return substr(near, length("include/") + 1)
  }
  near = normal("include/" name)
  if (near in exists) return substr(near, length("include/") + 1)
  return ""
}

function third_party(name) {
  if (name ~ /^openssl\//) return "openssl"
  if (name ~ /^liburing([.]h$|\/)/ || name ~ /^linux\//) return "liburing"
  if (name ~ /^curl\//) return "libcurl"
  if (name ~ /^pugi/) return "pugixml"
  if (name ~ /^jansson/) return "jansson"
  if (name ~ intrinsics || name ~ /^(arpa\/inet|netinet\/in)[.]h$/) return "std"  # addresses as text need no I/O
  if (name ~ io) return "posix"
  if (name ~ /^[a-z0-9_]+([.]h)?$/) return "std"
  return ""
}

function check_include(name, quoted,    own, parts, what) {
  own = own_header(name, quoted)
  if (own == "") {
    if (quoted || name ~ /^s3pager\//) { offence("no header " name); return }
    what = third_party(name)
    if (what == "") offence("not a known dependency: <" name ">")
    else if (what != "std" && !(umbrella || (layer, what) in may)) offence(layer "/ may not use " what " (<" name ">)")
    return
  }
  if (own == "s3pager/version.hpp" || umbrella) return
  if (split(own, parts, "/") < 3) { offence("only users include " own); return }
  if (!((layer, parts[2]) in may)) offence(layer "/ may not include " parts[2] "/ (" own ")")
}

function end_of_header() {
  if (header != "" && !once) print header ":1: no #pragma once"
}

FILENAME == ARGV[1] { read_table_line(); next }
FILENAME == ARGV[2] { exists[$0] = 1; next }

FNR == 1 {
  end_of_header()
  header = FILENAME
  once = 0
  directory = FILENAME
  sub(/\/[^\/]*$/, "", directory)
  umbrella = FILENAME == "include/s3pager/s3pager.hpp"
  layer = ""
  if (split(FILENAME, path, "/") > 3) {
    layer = path[3]
    if (!(layer in is_layer)) offence("no layer is called " layer)
  } else if (!umbrella && FILENAME != "include/s3pager/version.hpp") {
    offence("belongs to no layer")
  }
  if ($0 !~ /^\/\/ ./) offence("the first line is not a // comment that says what lives here")
}

/^[ \t]*#[ \t]*pragma[ \t]+once/ { once = 1 }

/^[ \t]*#[ \t]*include/ {
  name = $0
  sub(/^[ \t]*#[ \t]*include[ \t]*/, "", name)
  quoted = substr(name, 1, 1) == "\""
  if (!quoted && substr(name, 1, 1) != "<") { offence("an include that cannot be read"); next }
  name = substr(name, 2)
  sub(/[">].*/, "", name)
  check_include(name, quoted)
}

{
  for (i in forbidden) if (index($0, forbidden[i])) offence("mentions " forbidden[i])
}

END { end_of_header() }
