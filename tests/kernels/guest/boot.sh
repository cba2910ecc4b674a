# Nothing: to be up is all.  For boots that are timed or counted.
echo "booted: $(uname -r) up $(cut -d ' ' -f 1 /proc/uptime)"
