#!/bin/sed -f
# A comment of nnmpi's headers as Doxygen wants it: marked as documentation, what is set in as code,
# and nothing taken for HTML.
/\/\* ----/b
/\/\*/,/\*\// {
    s/^\( \*\)\(  \)/\1      \2/
    t
    /^#/!s/[<>]/\\&/g
}
1s:^/\*:/** @file\n *:
s:^\([[:space:]]*\)/\* :\1/** :
s:\([^[:space:]][[:space:]]*\)/\* :\1/**< :
