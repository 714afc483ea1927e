# The page that `nnmpi plot` writes, as one C file: page.html with its styles and scripts put in, cut where the data
# go. Included, it adds the rule that makes NN_PAGE_SOURCE; as a script (cmake -P) it is the rule.
set(page ${CMAKE_CURRENT_LIST_DIR}/../src/plot/page)
set(styles uplot/uPlot.min.css page.css)
set(scripts uplot/uPlot.iife.min.js base.js lines.js others.js page.js) # in this order

if(NOT CMAKE_SCRIPT_MODE_FILE)
    set(NN_PAGE_SOURCE ${PROJECT_BINARY_DIR}/page.c)
    list(TRANSFORM styles PREPEND ${page}/ OUTPUT_VARIABLE parts)
    list(TRANSFORM scripts PREPEND ${page}/ OUTPUT_VARIABLE more)
    add_custom_command(
        OUTPUT ${NN_PAGE_SOURCE}
        COMMAND ${CMAKE_COMMAND} -D out=${NN_PAGE_SOURCE} -P ${CMAKE_CURRENT_LIST_FILE}
        DEPENDS ${CMAKE_CURRENT_LIST_FILE} ${page}/page.html ${parts} ${more} VERBATIM)
    return()
endif()

# read_all(<out> <file>...): their text, one after the other.
function(read_all out)
    foreach(file IN LISTS ARGN)
        file(READ ${page}/${file} text)
        string(APPEND all "${text}\n")
    endforeach()
    set(${out} "${all}" PARENT_SCOPE)
endfunction()

# put(<name> <text>): a C array of the text's bytes and a 0 at the end of the file.
function(put name text)
    file(WRITE ${out}.part "${text}")
    file(READ ${out}.part bytes HEX)
    file(REMOVE ${out}.part)
    string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
    file(APPEND ${out} "const char ${name}[] = {\n${bytes}0};\n")
endfunction()

read_all(html page.html)
read_all(css ${styles})
read_all(javascript ${scripts})
string(REPLACE "@STYLES@" "${css}" html "${html}")
string(REPLACE "@SCRIPTS@" "${javascript}" html "${html}")
string(FIND "${html}" "@DATA@" cut)
string(SUBSTRING "${html}" 0 ${cut} head)
math(EXPR behind "${cut} + 6")
string(SUBSTRING "${html}" ${behind} -1 tail)
file(WRITE ${out} "/* Made by cmake/NnPage.cmake. */\n#include \"plot/page.h\"\n\n")
put(nn_page_head "${head}")
put(nn_page_tail "${tail}")
