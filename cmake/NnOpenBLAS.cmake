function(nn_check_openblas)
endfunction()
