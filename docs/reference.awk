# How doxygen reads a public header: a comment speaks for the declaration below it and for those that
# follow without a blank line.
/^ *\/\/\/</ { print; next }
/^ *\/\/\// {
    if (!in_comment) spoken = ""
    in_comment = 1
    spoken = spoken " " substr($0, index($0, "///") + 3)
    print
    next
}
/^ *$/ { spoken = ""; print; next }
{
    column = match($0, /[^ ]/)
    if (in_comment) {
        in_comment = 0
        start = column
    } else if (spoken != "" && column == start && ended && /^ *[A-Za-z]/ && !/^ *p[a-z]*:|\/\/\/</) {
        $0 = "/**" spoken " */ " $0
    }
    ended = /[;}]( *\/\/.*)?$/
    print
}
