! The Fortran interface (Fortran 2008): a thin layer over the C headers, which say of each function
! what it does and whether it is Collective (all ranks call it) or Local. docs/fortran.md shows how
! it is used. What it adds:
!
! - Handles (nn_comm, nn_config ...) free what they hold, by free() or at the end of their scope;
!   variables of a main program have no such end. What an object uses lives as long as it does.
! - stat and errmsg are those of `allocate`: stat is 0 or a negative NN_E..., errmsg says what is
!   wrong, where, and what would be right; without stat, the program ends with that message.
! - Arrays are those of the program, in Fortran's order: x(features, samples) is [samples, features]
!   to C and in the documents of nnmpi. Samples, tensors and metrics count from 1, classes from 0.
module nnmpi
    use nnmpi_c, only: NN_OK, NN_EUSAGE, NN_EFORMAT, NN_EDIVERGED, NN_ERANK, NN_EIO, NN_EMEMORY, &
        NN_ESTOPPED, NN_EBUSY, NN_LOG_WARNING, NN_LOG_INFO, NN_LOG_DEBUG, NN_MISMATCH_STOP, &
        NN_MISMATCH_REPAIR, NN_READ_PARAMETERS, NN_WRITE_PARAMETERS, NN_GRADIENTS, NN_U8, NN_I8, &
        NN_I16, NN_I32, NN_I64, NN_F32, NN_F64
    use nnmpi_batch, only: nn_minibatch
    use nnmpi_c_extend, only: NN_PARAM_IS_WEIGHT, NN_PARAM_IS_BIAS, NN_PARAM_IS_CONSTANT, &
        NN_TARGETS_ARE_NUMBERS, NN_TARGETS_ARE_CLASSES
    use nnmpi_comm
    use nnmpi_config
    use nnmpi_data
    use nnmpi_generate, only: nn_generation, nn_generator, nn_prompt, nn_text, nn_token_function
    use nnmpi_gradient_check
    use nnmpi_operations
    use nnmpi_operators
    use nnmpi_optimizer
    use nnmpi_own_layer
    use nnmpi_own_loss
    use nnmpi_own_metric
    use nnmpi_predict
    use nnmpi_products
    use nnmpi_schedule
    use nnmpi_tensor, only: nn_tensor, nn_tensor_scope, nn_parameter, nn_zeros, nn_grad, nn_record, &
        nn_tensors_live, nn_tensors_set_threads, nn_tensors_trim
    use nnmpi_train, only: nn_begun_function, nn_ends_function, nn_progress_function, nn_status, &
        nn_train, nn_train_options, nn_train_result
    use nnmpi_training
    implicit none
end module nnmpi
